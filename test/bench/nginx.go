package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// What keeps connections alive on both sides, with nothing written to disk on the way. nginx before 1.25 wants a port
// of its own for HTTP/2 without TLS.
const nginxConf = `
daemon off;
%[1]s
worker_processes auto;
worker_rlimit_nofile 65536;
pid %[2]s/nginx.pid;
error_log stderr error;
events { worker_connections 32768; }
http {
  access_log off;
  default_type text/plain;
  client_body_temp_path %[2]s/body;
  proxy_temp_path %[2]s/proxy;
  fastcgi_temp_path %[2]s/fastcgi;
  uwsgi_temp_path %[2]s/uwsgi;
  scgi_temp_path %[2]s/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_max_body_size 0;
  client_body_buffer_size 64k;
  upstream go {
    server 127.0.0.1:%[3]d;
    keepalive 64;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }
  server {
    listen 127.0.0.1:%[4]d backlog=16384;
    listen 127.0.0.1:%[5]d backlog=16384 http2;
    http2_max_requests 1000000000;
    location / {
%[6]s
    }
%[7]s
  }
}
`

const toHTTP = `
      proxy_pass http://go;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;`

// For WebSocket, which nginx passes on when it is told to, and then for each request: so it has a location of its own.
const toUpgrade = `
    location = /ws {
      proxy_pass http://go;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;
    }`

const toFCGI = `
      fastcgi_pass go;
      fastcgi_keep_conn on;
      fastcgi_request_buffering off;
      fastcgi_max_temp_file_size 0;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_param REMOTE_PORT $remote_port;
      fastcgi_param HTTP_HOST $host;`

func nginx(mode string) starter {
	return func(ctx context.Context, b *bench, _ load) (*server, error) {
		if b.nginx == "" {
			return nil, &notHere{"no nginx on PATH or in _checkouts/.nginx: `.ci/setup bench` brings it"}
		}
		behind, upstream, err := b.startGo(ctx, mode)
		if err != nil {
			return nil, err
		}
		dir, err := os.MkdirTemp(b.work, "nginx")
		if err != nil {
			return nil, err
		}
		ports, err := freePorts(2)
		if err != nil {
			return nil, err
		}
		user, location, sockets := "", toHTTP, toUpgrade
		if os.Getuid() == 0 {
			user = "user root;" // its workers write below a folder of ours
		}
		if mode == "fcgi" {
			location, sockets = toFCGI, ""
		}
		conf := filepath.Join(dir, "nginx.conf")
		text := fmt.Sprintf(nginxConf, user, dir, upstream, ports[0], ports[1], location, sockets)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			return nil, err
		}
		p, err := b.start(b.nginx, "-p", dir, "-e", "stderr", "-c", conf)
		if err != nil {
			return nil, err
		}
		s := newServer(ports[0], ports[1], p, behind)
		return s, awaitListener(ctx, s.addr, p)
	}
}

// freePorts are free when it returns; nginx has no way to choose one and say which.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		ports = append(ports, ln.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

func awaitListener(ctx context.Context, addr string, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for t := time.NewTicker(20 * time.Millisecond); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			t.Stop()
			return conn.Close()
		}
		select {
		case <-t.C:
		case <-p.ended:
			return fmt.Errorf("bench: nginx ended: %s", p.bad)
		case <-ctx.Done():
			return fmt.Errorf("bench: nginx does not listen: %w: %s", ctx.Err(), p.bad)
		}
	}
}

// findNginx takes the one that .ci/setup unpacked, or else the system's.
func findNginx(root string) string {
	for _, path := range []string{
		filepath.Join(root, "_checkouts/.nginx/usr/sbin/nginx"), "nginx", "/usr/sbin/nginx",
	} {
		if found, err := exec.LookPath(path); err == nil && strings.HasPrefix(nginxVersion(found), "nginx") {
			return found
		}
	}
	return ""
}

// nginxVersion also shows that the libraries are there.
func nginxVersion(path string) string {
	out, err := exec.Command(path, "-v").CombinedOutput()
	if err != nil {
		return ""
	}
	_, version, _ := strings.Cut(string(out), "version: ")
	return strings.ReplaceAll(strings.TrimSpace(version), "/", " ")
}

// A WebSocket over a stream of HTTP/2 (RFC 8441), by node's client: a message and a close, and what came back as JSON.
// Usage: node tunnel.js HOST:PORT AUTHORITY PATH
'use strict';

const http2 = require('node:http2');

const [address, authority, path] = process.argv.slice(2);

// A frame with a mask of zeros: less than 126 bytes.
const frame = (opcode, payload) => Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);

const session = http2.connect('http://' + address);
session.once('remoteSettings', (settings) => {
  const seen = { offered: settings.enableConnectProtocol, ended: false };
  const stream = session.request({
    ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':authority': authority, ':path': path,
    'sec-websocket-version': '13', 'sec-websocket-protocol': 'other, echo',
  }, { endStream: false });
  let came = Buffer.alloc(0);
  stream.on('response', (headers) => {
    seen.status = headers[':status'];
    seen.protocol = headers['sec-websocket-protocol'];
    stream.write(frame(1, Buffer.from('hello from node')));
    stream.write(frame(8, Buffer.from([4321 >> 8, 4321 & 255])));
  });
  stream.on('data', (data) => { came = Buffer.concat([came, data]); });
  stream.on('end', () => {
    seen.ended = true;
    stream.end();
  });
  stream.on('close', () => {
    seen.code = stream.rstCode;
    seen.came = came.toString('hex');
    process.stdout.write(JSON.stringify(seen));
    session.close();
  });
});

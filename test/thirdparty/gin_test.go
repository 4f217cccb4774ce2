package thirdparty

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sse"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
)

func init() { apps["gin"] = newGin }

func newGin(string) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.Use(gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, err any) { c.String(500, "recovered %v", err) }))
	g.HandleMethodNotAllowed = true
	g.GET("/json/:name", func(c *gin.Context) { c.JSON(200, gin.H{"name": c.Param("name"), "<": c.Query("q")}) })
	g.GET("/rest/*rest", func(c *gin.Context) { c.String(200, c.Param("rest")) })
	g.GET("/indented", func(c *gin.Context) { c.IndentedJSON(200, gin.H{"a": 1}) })
	g.GET("/xml", func(c *gin.Context) { c.XML(200, gin.H{"a": "b"}) })
	g.GET("/yaml", func(c *gin.Context) { c.YAML(200, gin.H{"a": "b"}) })
	g.GET("/jsonp", func(c *gin.Context) { c.JSONP(200, gin.H{"a": "b"}) })
	g.GET("/ip", func(c *gin.Context) { c.String(200, c.ClientIP()) })
	g.GET("/moved", func(c *gin.Context) { c.Redirect(302, "/json/x") })
	g.GET("/file", func(c *gin.Context) { c.File("doc.go") })
	g.GET("/attachment", func(c *gin.Context) { c.FileAttachment("doc.go", "dóc.go") })
	g.GET("/reader", func(c *gin.Context) {
		c.DataFromReader(200, 5, "text/plain", strings.NewReader("12345"), map[string]string{"X-Extra": "y"})
	})
	g.GET("/none", func(c *gin.Context) { c.Status(204) })
	g.GET("/panic", func(*gin.Context) { panic("gin's own to answer") })
	g.GET("/late-panic", func(c *gin.Context) {
		c.Writer.WriteString("begun")
		c.Writer.Flush()
		panic(http.ErrAbortHandler)
	})
	g.GET("/cookie", func(c *gin.Context) {
		seen, _ := c.Cookie("a") // empty without one
		c.SetCookie("b", "x y", 60, "/", "gin.test", true, true)
		c.SetCookie("c", "z", 60, "/", "", false, false)
		c.String(200, seen)
	})
	ginStreams(g)
	ginForms(g)
	return g
}

func ginStreams(g *gin.Engine) {
	left := make(chan string, 1)
	g.GET("/stream", func(c *gin.Context) {
		n := 0
		gone := c.Stream(func(w io.Writer) bool {
			n++
			_, _ = io.WriteString(w, strings.Repeat("x", n)+"\n") // the client's end is the test's to see
			return n < 5
		})
		c.Header("X-Late", "too late")
		_ = gone
	})
	g.GET("/events", func(c *gin.Context) {
		n := 0
		c.Stream(func(io.Writer) bool {
			n++
			c.Render(-1, sse.Event{Id: "7", Event: "tick", Retry: 10, Data: gin.H{"n": n}})
			c.SSEvent("message", "line\nline")
			return n < 3
		})
	})
	g.GET("/endless", func(c *gin.Context) {
		until := time.Now().Add(giveUp)
		gone := c.Stream(func(w io.Writer) bool {
			_, _ = io.WriteString(w, "tick\n") // whether the client has left is for c.Stream to say
			select {
			case <-time.After(time.Millisecond):
			case <-c.Request.Context().Done():
			}
			return time.Now().Before(until)
		})
		left <- map[bool]string{true: "gin saw the client leave", false: "gin saw nothing"}[gone]
	})
	g.GET("/left", func(c *gin.Context) {
		select {
		case what := <-left:
			c.String(200, what)
		case <-time.After(2 * giveUp):
			c.String(200, "the handler is gone")
		}
	})
}

func ginForms(g *gin.Engine) {
	g.POST("/bind", func(c *gin.Context) {
		var form struct {
			A string `binding:"required" form:"a" json:"a"`
			N int    `binding:"gte=3"    form:"n" json:"n"`
		}
		if err := c.ShouldBind(&form); err != nil {
			c.String(400, err.Error())
			return
		}
		c.JSON(200, form)
	})
	g.POST("/upload", func(c *gin.Context) {
		header, err := c.FormFile("file")
		if err != nil {
			c.String(400, err.Error())
			return
		}
		file, err := header.Open()
		if err != nil {
			c.String(500, err.Error())
			return
		}
		defer file.Close()
		size, err := io.Copy(io.Discard, file)
		c.JSON(200, gin.H{"name": header.Filename, "size": size, "text": c.PostForm("text"), "err": err})
	})
}

func TestGin(t *testing.T) {
	compare(t, "gin", func(c *client) {
		for _, path := range []string{
			"/json/a%20b?q=%3Cb%3E", "/rest/a/b//c", "/indented", "/xml", "/yaml", "/jsonp?callback=f", "/file", "/attachment",
			"/reader", "/stream", "/events",
		} {
			c.get(200, path)
		}
		c.get(302, "/moved")
		c.get(204, "/none")
		c.get(404, "/nothing")
		c.get(500, "/panic")
		c.get(301, "/json/x/")
		c.get(200, "/ip", "X-Forwarded-For", "192.0.2.7")
		c.get(200, "/cookie", "Cookie", "a=b%20c; d=e")
		c.get(206, "/file", "Range", "bytes=3-9")
		c.note("HEAD", c.ask(405, request{method: "HEAD", path: "/xml"}))
		c.note("method", c.ask(405, request{method: "DELETE", path: "/xml"}))
		c.note("late panic", c.send(request{path: "/late-panic"}))
		form := fields([]string{"Content-Type", "application/x-www-form-urlencoded"})
		c.note("form", c.ask(200, request{method: "POST", path: "/bind", header: form, body: strings.NewReader("a=x&n=4")}))
		c.note("bad form", c.ask(400, request{method: "POST", path: "/bind", header: form, body: strings.NewReader("n=2")}))
		kind := fields([]string{"Content-Type", "application/json"})
		c.note("json", c.ask(200, request{method: "POST", path: "/bind", header: kind, body: strings.NewReader(`{"a":"x","n":3}`)}))
		c.note("bad json", c.ask(400, request{method: "POST", path: "/bind", header: kind, body: strings.NewReader(`{`)}))
		c.note("upload", c.ask(200, multipartRequest(c, "/upload", 200_000)))
		c.note("large upload", c.ask(200, multipartRequest(c, "/upload", 40<<20)))
	})
}

func multipartRequest(c *client, path string, size int) request {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	require.NoError(c.t, w.WriteField("text", "tëxt"))
	part, err := w.CreateFormFile("file", "a b.bin")
	require.NoError(c.t, err)
	_, err = part.Write(bytes.Repeat([]byte{'x'}, size))
	require.NoError(c.t, err)
	require.NoError(c.t, w.Close())
	return request{method: "POST", path: path, header: fields([]string{"Content-Type", w.FormDataContentType()}), body: &body}
}

// c.Stream tells its handler that the client has left.
func TestGinSeesItsClientLeave(t *testing.T) {
	compare(t, "gin", func(c *client) {
		response, err := c.Get(c.url("/endless"))
		require.NoError(c.t, err)
		_, err = io.ReadFull(response.Body, make([]byte, 20))
		require.NoError(c.t, err)
		require.NoError(c.t, response.Body.Close())
		c.get(200, "/left")
	})
}

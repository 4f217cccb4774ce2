package thirdparty

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

func init() { apps["echo"] = newEcho }

func newEcho(string) http.Handler {
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	e.Pre(middleware.Rewrite(map[string]string{"/old/*": "/text/$1"}), middleware.RemoveTrailingSlash(),
		middleware.MethodOverride())
	e.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{DisablePrintStack: true}),
		middleware.RequestIDWithConfig(middleware.RequestIDConfig{Generator: func() string { return "an-id" }}),
		middleware.Secure(), middleware.CORSWithConfig(middleware.CORSConfig{AllowOrigins: []string{"http://a.test"}}),
		middleware.Gzip(), middleware.BodyLimit("1K"))
	e.GET("/text/:a", func(c echo.Context) error { return c.String(200, c.Param("a")+" "+c.QueryParam("q")) })
	e.GET("/json", func(c echo.Context) error { return c.JSON(200, map[string]any{"a": 1, "b": "<"}) })
	e.GET("/jsonp", func(c echo.Context) error { return c.JSONP(200, "f", []int{1}) })
	e.GET("/xml", func(c echo.Context) error { return c.XML(200, []string{"a"}) })
	e.GET("/html", func(c echo.Context) error { return c.HTML(200, "<p>é</p>") })
	e.GET("/blob", func(c echo.Context) error { return c.Blob(200, "application/x", []byte{0, 255}) })
	e.GET("/none", func(c echo.Context) error { return c.NoContent(204) })
	e.GET("/moved", func(c echo.Context) error { return c.Redirect(307, "/json") })
	e.GET("/error", func(echo.Context) error { return echo.NewHTTPError(418, "a teapot") })
	e.GET("/failed", func(echo.Context) error { return fmt.Errorf("not to be shown") })
	e.GET("/panic", func(echo.Context) error { panic("echo's own to answer") })
	e.GET("/ip", func(c echo.Context) error { return c.String(200, c.RealIP()+" "+c.Scheme()) })
	e.GET("/reader", func(c echo.Context) error { return c.Stream(200, "text/plain", strings.NewReader("streamed")) })
	e.GET("/lines", func(c echo.Context) error {
		encoder := json.NewEncoder(c.Response())
		for i := range 3 {
			if err := encoder.Encode(i); err != nil {
				return err
			}
			c.Response().Flush()
		}
		return nil
	})
	e.GET("/inline", func(c echo.Context) error { return c.Inline("doc.go", "doc.go") })
	e.GET("/before", func(c echo.Context) error {
		c.Response().Before(func() { c.Response().Header().Set("X-Before", "the head") })
		return c.String(200, "x")
	})
	e.Static("/static", ".")
	e.POST("/bind", func(c echo.Context) error {
		var in struct {
			A string `form:"a" json:"a" query:"a"`
		}
		if err := c.Bind(&in); err != nil {
			return err
		}
		return c.JSON(200, in)
	})
	e.PUT("/put", func(c echo.Context) error { return c.String(200, "put") })
	secret := e.Group("/secret", middleware.KeyAuth(func(key string, _ echo.Context) (bool, error) { return key == "k", nil }))
	secret.GET("", func(c echo.Context) error { return c.String(200, "told") })
	return e
}

func TestEcho(t *testing.T) {
	compare(t, "echo", func(c *client) {
		for _, path := range []string{
			"/text/a%2Fb?q=1", "/old/x", "/json", "/json/", "/jsonp", "/xml", "/html", "/blob", "/ip", "/reader", "/lines", "/inline",
			"/before", "/static/doc.go",
		} {
			c.get(200, path)
			c.get(200, path, "Accept-Encoding", "gzip")
		}
		c.get(204, "/none")
		c.get(307, "/moved")
		c.get(418, "/error")
		c.get(500, "/failed")
		c.get(500, "/panic")
		c.get(404, "/nothing")
		c.get(404, "/static/nothing")
		c.get(400, "/secret")
		c.get(200, "/secret", "Authorization", "Bearer k")
		c.get(200, "/json", "Origin", "http://a.test")
		c.get(206, "/static/doc.go", "Range", "bytes=0-3")
		c.note("preflight", c.ask(204, request{
			method: "OPTIONS", path: "/json",
			header: fields([]string{"Origin", "http://a.test", "Access-Control-Request-Method", "PUT"}),
		}))
		c.note("method", c.ask(405, request{method: "DELETE", path: "/json"}))
		c.note("override", c.ask(200, request{
			method: "POST", path: "/put", header: fields([]string{"X-HTTP-Method-Override", "PUT"}),
		}))
		kind := fields([]string{"Content-Type", "application/json"})
		c.note("json", c.ask(200, request{method: "POST", path: "/bind", header: kind, body: strings.NewReader(`{"a":"x"}`)}))
		c.note("bad json", c.ask(400, request{method: "POST", path: "/bind", header: kind, body: strings.NewReader(`{"a":1}`)}))
		c.note("unknown media", c.ask(415, request{
			method: "POST", path: "/bind", header: fields([]string{"Content-Type", "text/odd"}), body: strings.NewReader("x"),
		}))
		c.note("too large", c.ask(413, request{
			method: "POST", path: "/bind", header: kind, body: strings.NewReader(strings.Repeat(" ", 2000)),
		}))
		// Without a length the limit is found while reading.
		c.note("too large, chunked", c.ask(413, request{
			method: "POST", path: "/bind", header: kind, body: io.MultiReader(strings.NewReader(strings.Repeat(" ", 2000))),
		}))
	})
}

package thirdparty

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/webdav"
)

func init() {
	apps["webdav"] = func(string) http.Handler {
		return &webdav.Handler{FileSystem: webdav.NewMemFS(), LockSystem: webdav.NewMemLS()}
	}
}

var davTimes = regexp.MustCompile(`[^<>]*</D:getlastmodified>|[^<>]*</D:getetag>`)

// sorted puts an answer's elements in order: the package takes properties from a map.
func sorted(xml string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.SplitAfter(xml, ">"))), "")
}

// davSteps follow each other: what one leaves is what the next finds.
var davSteps = []struct {
	status  int
	request string
	fields  []string
	body    string
}{
	{200, "OPTIONS /", nil, ""},
	{201, "MKCOL /a%20b", nil, ""},
	{405, "MKCOL /a%20b", nil, ""},
	{409, "MKCOL /none/c", nil, ""},
	{415, "MKCOL /x", nil, "a body"},
	{201, "PUT /a%20b/one.txt", nil, strings.Repeat("one ", 50_000)},
	{201, "PUT /a%20b/empty", nil, ""},
	{200, "GET /a%20b/one.txt", nil, ""},
	{206, "GET /a%20b/one.txt", []string{"Range", "bytes=4-6"}, ""},
	{200, "HEAD /a%20b/one.txt", nil, ""},
	{405, "GET /a%20b/", nil, ""},
	{404, "GET /none", nil, ""},
	{207, "PROPFIND /", []string{"Depth", "1"}, ""},
	{207, "PROPFIND /", []string{"Depth", "infinity"}, `<?xml version="1.0"?><propfind xmlns="DAV:"><propname/></propfind>`},
	{207, "PROPFIND /a%20b/one.txt", []string{"Depth", "0"}, `<?xml version="1.0"?><propfind xmlns="DAV:"><prop>` +
		`<getcontentlength/><x:odd xmlns:x="urn:x"/></prop></propfind>`},
	{400, "PROPFIND /", []string{"Depth", "1"}, "<not xml"},
	{207, "PROPPATCH /a%20b/one.txt", nil, `<?xml version="1.0"?><propertyupdate xmlns="DAV:" xmlns:x="urn:x">` +
		`<set><prop><x:colour>blue</x:colour></prop></set></propertyupdate>`},
	{201, "COPY /a%20b/one.txt", []string{"Destination", "http://webdav.test/two.txt"}, ""},
	{412, "COPY /a%20b/one.txt", []string{"Destination", "http://webdav.test/two.txt", "Overwrite", "F"}, ""},
	{204, "MOVE /two.txt", []string{"Destination", "http://webdav.test/a%20b/one.txt", "Overwrite", "T"}, ""},
	{502, "MOVE /a%20b/one.txt", []string{"Destination", "http://other.test/x"}, ""},
	{200, "LOCK /a%20b/one.txt", []string{"Timeout", "Second-1000", "Depth", "0"}, `<?xml version="1.0"?><lockinfo xmlns="DAV:">` +
		`<lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>me</owner></lockinfo>`},
	{423, "PUT /a%20b/one.txt", nil, "not while it is locked"},
	{201, "PUT /a%20b/one.txt", []string{"If", "(TOKEN)"}, "with the lock"},
	{200, "LOCK /a%20b/one.txt", []string{"If", "(TOKEN)", "Timeout", "Infinite"}, ""},
	{204, "UNLOCK /a%20b/one.txt", []string{"Lock-Token", "TOKEN"}, ""},
	{409, "UNLOCK /a%20b/one.txt", []string{"Lock-Token", "<none>"}, ""},
	{204, "DELETE /a%20b", nil, ""},
	{404, "DELETE /a%20b", nil, ""},
}

func TestWebdav(t *testing.T) {
	compare(t, "webdav", func(c *client) {
		token := ""
		for _, step := range davSteps {
			method, path, _ := strings.Cut(step.request, " ")
			r := request{method: method, path: path, header: fields(step.fields)}
			for _, values := range r.header {
				values[0] = strings.ReplaceAll(values[0], "TOKEN", token)
			}
			if step.body != "" {
				r.body = strings.NewReader(step.body)
			}
			if method == "PUT" {
				r.body = io.MultiReader(strings.NewReader(step.body)) // a file of unknown length
			}
			a := c.ask(step.status, r)
			if locked := a.Header["lock-token"]; locked != "" {
				token = locked
				a.Header["lock-token"] = "TOKEN"
			}
			if a.Status == http.StatusMultiStatus {
				a.Body = sorted(a.Body)
			}
			a.Body = davTimes.ReplaceAllString(a.Body, "TIME")
			if token != "" {
				a.Body = strings.ReplaceAll(a.Body, strings.Trim(token, "<>"), "TOKEN")
			}
			delete(a.Header, "etag")
			delete(a.Header, "last-modified")
			c.note(strings.Join(append([]string{step.request}, step.fields...), " "), a)
		}
	})
}

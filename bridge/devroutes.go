package bridge

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gwport/gwport/bridge/internal/devpage"
)

// devRoute is where an app is mounted under GWPORT_HTTP.
type devRoute struct {
	prefix   string // without a slash at its end
	segments []segment
	app      string
	handler  http.Handler
}

func newDevRoute(prefix, app string, h http.Handler) devRoute {
	prefix = strings.TrimRight(prefix, "/")
	segments, _ := resolve(prefix + "/")
	return devRoute{prefix, segments, app, h}
}

// shown is the address that a person would type.
func (r devRoute) shown() string { return r.prefix + "/" }

// devRoutes are where the apps are: the only handler at /, and those with names at /NAME/, unless
// GWPORT_HTTP_ROUTES has others.
func (a apps) devRoutes(text string) ([]devRoute, error) {
	var routes []devRoute
	if text != "" {
		return a.routesOf(text)
	}
	if h := a.find(""); h != nil {
		routes = append(routes, newDevRoute("/", "", h))
	}
	for _, name := range slices.Sorted(maps.Keys(a.named)) {
		routes = append(routes, newDevRoute("/"+name, name, a.named[name]))
	}
	return routes, nil
}

// routesOf reads PREFIX=APP,PREFIX=APP.
func (a apps) routesOf(text string) ([]devRoute, error) {
	var routes []devRoute
	for piece := range strings.SplitSeq(text, ",") {
		r, err := a.routeOf(strings.TrimSpace(piece))
		if err == nil && slices.ContainsFunc(routes, func(other devRoute) bool { return slices.Equal(other.segments, r.segments) }) {
			err = fmt.Errorf("is there twice, expected one app for each prefix")
		}
		if err != nil {
			return nil, fmt.Errorf("bridge: GWPORT_HTTP_ROUTES: the route %q %w", strings.TrimSpace(piece), err)
		}
		routes = append(routes, r)
	}
	return routes, nil
}

func (a apps) routeOf(piece string) (devRoute, error) {
	prefix, name, ok := strings.Cut(piece, "=")
	switch {
	case !ok:
		return devRoute{}, fmt.Errorf("has no =, expected PREFIX=APP, as /shop=shop")
	case !strings.HasPrefix(prefix, "/"):
		return devRoute{}, fmt.Errorf("does not begin with /, expected a path such as /shop in front of the =")
	case strings.ContainsAny(prefix, "[]:?#"):
		return devRoute{}, fmt.Errorf("has a pattern or a query in its prefix, expected a path such as /shop, which stands for all below it")
	}
	h := a.find(name)
	if h != nil {
		return newDevRoute(prefix, name, h), nil
	}
	return devRoute{}, fmt.Errorf("names the app %q, which is not there, expected %s", name, a.choice())
}

// choice says which apps a route may name.
func (a apps) choice() string {
	names := slices.Sorted(maps.Keys(a.named))
	if len(names) == 0 {
		return "none behind the =, because the program has one handler without a name"
	}
	text := "one of " + strings.Join(names, ", ")
	if a.find("") != nil {
		text += ", or none, which is the handler without a name"
	}
	return text
}

// route is the one that a request is for: that with the longest prefix.
func (s *devServer) route(r *http.Request) *devRoute {
	path, _ := targetOf(r)
	segments := []segment(nil)
	if strings.HasPrefix(path, "/") {
		segments, _ = resolve(path)
	}
	var best *devRoute
	for i := range s.routes {
		route := &s.routes[i]
		if route.leadsTo(segments) && (best == nil || len(route.segments) > len(best.segments)) {
			best = route
		}
	}
	return best
}

func (r *devRoute) leadsTo(segments []segment) bool {
	if len(segments) < len(r.segments) {
		return false
	}
	for i, s := range r.segments {
		if s.decoded != segments[i].decoded {
			return false
		}
	}
	return true
}

// noApp answers where no app is, with a list of those that there are.
func (s *devServer) noApp(w http.ResponseWriter, r *http.Request) {
	header, path := w.Header(), r.URL.Path
	if wantsHTML(r.Header["Accept"]) {
		var apps []devpage.Pair
		for _, route := range s.routes {
			apps = append(apps, devpage.Pair{Name: route.app, Value: route.shown()})
		}
		for _, f := range pageFields() {
			header.Set(f.Name, f.Value)
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write(devpage.Apps(path, apps, s.pages.why))
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "no app at %s; there are\n", path)
	for _, route := range s.routes {
		fmt.Fprintf(&b, "  http://%s%s %s\n", r.Host, route.shown(), route.app)
	}
	http.Error(w, strings.TrimRight(b.String(), "\n"), http.StatusNotFound)
}

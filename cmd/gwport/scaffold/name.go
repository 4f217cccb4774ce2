package scaffold

import (
	"fmt"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

var isName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// mostName bounds what is to be the name of files, modules and a release.
const mostName = 60

// Words that are no names: an Erlang or Elixir atom would have to be quoted, or is another thing.
var (
	erlangWords = strings.Fields(`after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end fun
		if let maybe not of or orelse receive rem try when xor`)
	elixirWords = strings.Fields(`after and catch do else end false fn in nil not or rescue true when`)
	// Applications of Erlang/OTP and of what a project made here has besides, and `user`: OTP has a module user_sup.
	applications = strings.Fields(`asn1 common_test compiler crypto debugger dialyzer diameter edoc eldap erts et eunit ftp
		inets jinterface kernel megaco mnesia observer odbc os_mon parsetools public_key reltool runtime_tools sasl snmp ssh
		ssl stdlib syntax_tools tftp tools wx xmerl
		cowboy cowlib gwport ranch eex elixir ex_unit iex logger mix user`)
	// Folders that mean something to rebar3, Mix or Go.
	folders = strings.Fields(`apps config deps doc ebin go include internal lib main priv rel src test testdata vendor`)
	// Modules of Elixir that the project's own would take the name of.
	elixirModules = strings.Fields(`access agent application atom base behaviour bitwise calendar code config date dict
		dynamic_supervisor enum exception file float function gen_event gen_server hash_dict hash_set inspect integer kernel
		keyword list macro map map_set module node option_parser partition_supervisor path port process protocol range record
		regex registry set stream string string_io supervisor system task time tuple version`)
)

// checkName says what is wrong with a name, which is to be that of an application, a pool, a Go program and folders.
func checkName(name string, mix bool) error {
	switch {
	case !isName.MatchString(name):
		return fmt.Errorf("the name %q, expected one such as shop: a lower-case letter, then lower-case letters, digits and _", name)
	case len(name) > mostName:
		return fmt.Errorf("a name of %d characters, expected %d at most", len(name), mostName)
	case slices.Contains(erlangWords, name):
		return fmt.Errorf("the name %q is a reserved word of Erlang", name)
	case slices.Contains(elixirWords, name):
		return fmt.Errorf("the name %q is a reserved word of Elixir", name)
	case token.IsKeyword(name):
		return fmt.Errorf("the name %q is a keyword of Go", name)
	case slices.Contains(applications, name):
		return fmt.Errorf("the name %q is that of another application, or of a module of it", name)
	case slices.Contains(folders, name):
		return fmt.Errorf("the name %q is that of a folder with a meaning of its own", name)
	case mix && slices.Contains(elixirModules, name):
		return fmt.Errorf("the name %q would make a module %s, which Elixir has", name, module(name))
	}
	return nil
}

// module is what Elixir makes of a name: shop_front is ShopFront.
func module(name string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '_' }) {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

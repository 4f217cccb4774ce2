package term_test

import (
	"encoding/base64"
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/term"
	"github.com/gwport/gwport/etf"
)

func try(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = term.Main(args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

// A term goes from each form into each other.
func TestAllFormsOfATermAreOneTerm(t *testing.T) {
	raw := "\x83t\x00\x00\x00\x02m\x00\x00\x00\x01al\x00\x00\x00\x02a\x01F?\xf8\x00\x00\x00\x00\x00\x00jm\x00\x00\x00\x02\xc3\xa4w\x04true"
	forms := map[string]string{
		"raw":    raw,
		"hex":    hex.EncodeToString([]byte(raw)) + "\n",
		"base64": base64.StdEncoding.EncodeToString([]byte(raw)) + "\n",
		"erl":    `#{<<"a">> => [1,1.5],<<"ä"/utf8>> => true}` + "\n",
		"json":   `{"a":[1,1.5],"ä":true}` + "\n",
	}
	for from, input := range forms {
		for to, want := range forms {
			code, stdout, stderr := try(input, "--from", from, "--to", to, "--unicode")
			require.Zero(t, code, "%s to %s: %s", from, to, stderr)
			require.Equal(t, want, stdout, "%s to %s", from, to)
		}
	}
	_, stdout, _ := try("", "83 6a")
	require.Equal(t, "[]\n", stdout)
}

// A compressed term is inflated as far as --max-bytes goes, its version byte included.
func TestACompressedTermIsInflated(t *testing.T) {
	const hundred = "8350 00000196 789ccb616060484961604c1cc5830767010030464e93" // term_to_binary(lists:duplicate(100, a), [compressed])
	for _, most := range []string{"67108864", "407"} {
		code, stdout, stderr := try("", "--max-bytes", most, hundred)
		require.Zero(t, code, stderr)
		require.Equal(t, "["+strings.Repeat("a,", 99)+"a]\n", stdout)
	}
	code, stdout, stderr := try("", "--max-bytes", "406", hundred)
	require.Equal(t, 1, code)
	require.Empty(t, stdout)
	require.Equal(t, "gwport term: etf: limit MaxBytes is 406, got 407\n", stderr)
}

// What JSON has not is an error, or an object of one key that reads back as the same term.
func TestTermsWithoutAJSONForm(t *testing.T) {
	for erl, tagged := range map[string]string{
		`ok`:                           `{"$atom":"ok"}`,
		`{ok,[1]}`:                     `{"$tuple":[{"$atom":"ok"},[1]]}`,
		`<<255>>`:                      `{"$binary":"/w=="}`,
		`[1|2]`:                        `{"$improper":[[1],2]}`,
		`<<1:3>>`:                      `{"$term":"g00AAAABAyA="}`,
		`#{1 => 2}`:                    `{"$map":[[1,2]]}`,
		`#{a => 2}`:                    `{"$map":[[{"$atom":"a"},2]]}`,
		`fun lists:map/2`:              `{"$term":"g3F3BWxpc3RzdwNtYXBhAg=="}`,
		`[#{<<"k">> => [x]}]`:          `[{"k":[{"$atom":"x"}]}]`,
		`[#{<<"\xff">> => 1}]`:         `[{"$map":[[{"$binary":"/w=="},1]]}]`,
		`#{<<"a">> => 1,<<255>> => 2}`: `{"$map":[["a",1],[{"$binary":"/w=="},2]]}`,
	} {
		code, _, stderr := try(erl, "--from", "erl", "--to", "json")
		require.Equal(t, 1, code, erl)
		require.Contains(t, stderr, "gwport term: JSON has no form for ")
		code, stdout, stderr := try(erl, "--from", "erl", "--to", "json", "--tagged")
		require.Zero(t, code, stderr)
		require.Equal(t, tagged+"\n", stdout)
		_, want, _ := try(erl, "--from", "erl")
		code, stdout, stderr = try(tagged, "--from", "json", "--to", "erl", "--tagged")
		require.Zero(t, code, stderr)
		require.Equal(t, want, stdout)
	}
	const pid = "8358770161000000010000000200000003"
	code, stdout, stderr := try("", pid)
	require.Zero(t, code, stderr)
	require.Equal(t, "#Pid<a.1.2>\n", stdout)
	_, tagged, _ := try("", "--to", "json", "--tagged", pid)
	_, stdout, _ = try(tagged, "--from", "json", "--to", "hex", "--tagged")
	require.Equal(t, pid+"\n", stdout)
	// A map that looks like a tag is not mistaken for one.
	_, stdout, _ = try(`#{<<"$atom">> => <<"x">>}`, "--from", "erl", "--to", "json", "--tagged")
	require.Equal(t, `{"$map":[["$atom","x"]]}`+"\n", stdout)
	_, stdout, _ = try(`{"$atom":"x"}`, "--from", "json")
	require.Equal(t, `#{<<"$atom">> => <<"x">>}`+"\n", stdout)
}

func TestNumbersOfJSON(t *testing.T) {
	for json, erl := range map[string]string{
		"1": "1", "-1": "-1", "1.0": "1.0", "1e2": "100.0", "123456789012345678901234567890": "123456789012345678901234567890",
		"null": "null", `"\u00e4"`: `<<"ä"/utf8>>`, "[]": "[]", "{}": "#{}",
	} {
		code, stdout, stderr := try(json, "--from", "json", "--unicode")
		require.Zero(t, code, stderr)
		require.Equal(t, erl+"\n", stdout)
	}
}

func TestMistakesInTheInputExitWith1(t *testing.T) {
	for _, c := range []struct{ want, stdin, args string }{
		{"at byte 0: encoding/hex: invalid byte", "xx", ""},
		{"at byte 7: encoding/hex: invalid byte", "83 68\n\t\u00e4", ""},
		{"at byte 7: encoding/hex: odd length hex string", "83 6a 0", ""},
		{"(the input is read as hex; --from says what else it is)\n", "g2o=", ""},
		{"at byte 6: illegal base64 data\n", "g2 o=\n#", "--from base64"},
		{`at byte 7 of the text of $term: illegal base64 data`, `{"$term":"g00AAAA#"}`, "--from json --tagged"},
		{"limit MaxDepth is 1, got 2", `{"$term":"g2gBaAFq"}`, "--from json --tagged --max-depth 1"},
		{"no version byte 131 at offset 0", "00", ""},
		{`line 1, column 4: expected ",", "|" or "]", found "2"`, "[1 2]", "--from erl"},
		{`JSON, before byte 11: key "a" is in its object twice`, `{"a":1, "a":2}`, "--from json"},
		{"more than one value", "1 2", "--from json"},
		{"unexpected EOF", "[1", "--from json"},
		{"unexpected EOF", "", "--from json"},
		{"JSON that is not UTF-8", "\"\xff\"", "--from json"},
		{"the key $tuple with a value that it cannot have", `{"$tuple":1}`, "--from json --tagged"},
		{"the key $what with a value that it cannot have", `{"$what":1}`, "--from json --tagged"},
		{"key that is in its map twice", `{"$map":[[1,2],[1,3]]}`, "--from json --tagged"},
		{"name that no atom can have", `{"$atom":"` + strings.Repeat("a", 256) + `"}`, "--from json --tagged"},
		{"deeper than --max-depth", "[[[]]]", "--from json --max-depth 2"},
		{"limit MaxDepth is 1, got 2", "[[1]]", "--from erl --max-depth 1"},
		{"more than --max-bytes, 3", "1234", "--from erl --max-bytes 3"},
		{"at byte 0: the input ends within a length, after 1 of 4 bytes", "00", "--wire --from hex"},
		{"at byte 0: a frame of 9 bytes, of which there are 1", "0000000983", "--wire --from hex"},
		{"at byte 0: a frame of 1 bytes, which is no envelope as SPEC.md has it (F3)", "0000000101", "--wire --from hex"},
		{"(F3), beginning 01", "0000000101", "--wire --from hex --secrets"},
	} {
		code, stdout, stderr := try(c.stdin, strings.Fields(c.args)...)
		require.Equal(t, 1, code, c.stdin)
		require.Empty(t, stdout)
		require.Contains(t, stderr, c.want)
		require.True(t, strings.HasPrefix(stderr, "gwport term: "))
	}
	for args, stdin := range map[string]string{
		"--max-bytes 3": "123", "--max-depth 2": "[[1]]", "--max-bytes 1099511627776 --max-depth 65536": "[[1,2]]",
	} {
		code, _, stderr := try(stdin, append(strings.Fields(args), "--from", "erl")...)
		require.Zero(t, code, stderr)
	}
}

func TestMistakesInTheArgumentsExitWith2(t *testing.T) {
	for args, want := range map[string]string{
		"--from xml":        `--from "xml", expected one of erl, json, raw, hex, base64`,
		"--to xml":          `--to "xml", expected one of erl, json, raw, hex, base64`,
		"--wire --from erl": `--from "erl", expected one of raw, hex, base64`,
		"--wire --to json":  "--to and --wire do not go together",
		"--secrets":         "--secrets is for --wire",
		"--max-bytes 0":     "--max-bytes 0, expected 1 to 1099511627776",
		"--max-depth 0":     "--max-depth 0, expected 1 to 65536",

		"--max-bytes 1099511627777": "--max-bytes 1099511627777, expected 1 to 1099511627776",
		"--max-depth 65537":         "--max-depth 65537, expected 1 to 65536",
		"836a 836a":                 `unexpected argument "836a"`,
		"--what":                    "flag provided but not defined: -what",
	} {
		code, stdout, stderr := try("", strings.Fields(args)...)
		require.Equal(t, 2, code, args)
		require.Empty(t, stdout)
		require.Equal(t, "gwport term: "+want+"; see gwport term --help\n", stderr)
	}
	code, stdout, _ := try("", "--help")
	require.Zero(t, code)
	for _, field := range []string{"authorization", "cookie", "proxy-authorization", "set-cookie"} {
		require.Contains(t, stdout, field)
	}
}

// The limits are those of the flags for every form, also within JSON.
func TestLimitsHoldForEveryForm(t *testing.T) {
	large := "-1" + strings.Repeat("0", 200_000) // of more than the 64 KiB that etf takes by itself
	deep := strings.Repeat("[", 65536) + "1.5" + strings.Repeat("]", 65536)
	_, raw, _ := try(large, "--from", "erl", "--to", "base64")
	tagged := `{"$term":"` + strings.TrimSpace(raw) + `"}`
	for from, input := range map[string]string{"erl": large, "json": large, "base64": raw} {
		code, stdout, stderr := try(input, "--from", from)
		require.Zero(t, code, stderr)
		require.Equal(t, large+"\n", stdout)
	}
	code, stdout, stderr := try(tagged, "--from", "json", "--tagged")
	require.Zero(t, code, stderr)
	require.Equal(t, large+"\n", stdout)
	for _, from := range []string{"erl", "json"} {
		code, stdout, stderr = try(deep, "--from", from, "--max-depth", "65536")
		require.Zero(t, code, stderr)
		require.Equal(t, deep+"\n", stdout)
		code, _, stderr = try("["+deep+"]", "--from", from, "--max-depth", "65536")
		require.Equal(t, 1, code)
		require.Regexp(t, "MaxDepth is 65536|deeper than --max-depth", stderr)
	}
}

const secret = "hunter2"

func wire(t *testing.T) string {
	var b []byte
	add := func(k frames.Kind, stream uint32, text string) {
		parsed, err := etf.Parse(text, etf.Limits{})
		require.NoError(t, err, text)
		payload, err := etf.Append(etf.AppendVersion(nil), parsed)
		require.NoError(t, err)
		b = frames.New(k, stream, payload).Append(b)
	}
	fields := `[{<<"host">>,<<"a">>},{<<"Cookie">>,<<"hunter2">>},{<<"authorization">>,<<"hunter2">>},` +
		`{<<"proxy-authorization">>,<<"hunter2">>},{<<"set-cookie">>,<<"hunter2">>}]`
	add(frames.Ping, 0, "7")
	add(frames.Open, 256, `{0,262144,#{<<"method">> => <<"GET">>,<<"query">> => <<"p=hunter2">>,<<"headers">> => `+fields+`}}`)
	b = frames.New(frames.Chunk, 256, []byte(secret)).Append(b)
	add(frames.Trailers, 256, fields)
	add(frames.Inform, 256, `{103,`+fields+`}`)
	add(frames.Head, 256, `{200,`+fields+`}`)
	add(frames.Reply, 256, `{200,[],[<<"hunter2">>,"hunter2"]}`)
	add(frames.Abort, 256, `{11,<<"too much">>}`)
	for _, odd := range []string{`{200,[],<<"x">>,<<"hunter2">>}`, `{200,hunter2,<<>>}`, `{200,[{<<"a">>,<<>>,<<"hunter2">>}],<<>>}`, `{200,[],{hunter2}}`} {
		add(frames.Reply, 256, odd)
	}
	add(frames.Open, 258, `{0,0,[hunter2]}`)
	add(frames.Open, 258, `{0,0,#{<<"query">> => hunter2}}`)
	b = frames.New(frames.Head, 256, []byte("\x83"+secret)).Append(b)
	return string(b)
}

// A captured wire is printed frame by frame, and no secret with it, however the frame that has it is made.
func TestWireIsPrintedWithoutSecrets(t *testing.T) {
	code, stdout, stderr := try(wire(t), "--wire")
	require.Zero(t, code, stderr)
	require.NotContains(t, stdout, secret)
	lines := strings.Split(stdout, "\n")
	const fields = `[{<<"host">>,<<"a">>},{<<"Cookie">>,'[7 bytes]'},{<<"authorization">>,'[7 bytes]'},` +
		`{<<"proxy-authorization">>,'[7 bytes]'},{<<"set-cookie">>,'[7 bytes]'}]`
	require.Equal(t, "0 ping 7", lines[0])
	require.Equal(t, `17 open 256 {0,262144,#{<<"headers">> => `+fields+`,<<"method">> => <<"GET">>,<<"query">> => '[9 bytes]'}}`, lines[1])
	require.Regexp(t, `^\d+ chunk 256 \[7 bytes\]$`, lines[2])
	require.True(t, strings.HasSuffix(lines[3], " trailers 256 "+fields), lines[3])
	require.True(t, strings.HasSuffix(lines[4], " inform 256 {103,"+fields+"}"), lines[4])
	require.True(t, strings.HasSuffix(lines[6], " reply 256 {200,[],'[14 bytes]'}"), lines[6])
	require.True(t, strings.HasSuffix(lines[7], ` abort 256 {11,<<"too much">>} abort flow_exceeded (11)`), lines[7])
	require.Contains(t, lines[8], "bytes], which is not as SPEC.md has it")
	require.Contains(t, lines[14], "bytes], which is no term")
}

func TestSecretsAreShownToWhoAsks(t *testing.T) {
	code, stdout, stderr := try(hex.EncodeToString([]byte(wire(t))), "--wire", "--from", "hex", "--secrets")
	require.Zero(t, code, stderr)
	for i, line := range strings.Split(strings.TrimSpace(stdout), "\n") {
		switch i {
		case 0, 7: // ping and abort have none
		case 14:
			require.Contains(t, line, "<<131,104,117,110,116,101,114,50>>, which is no term")
		default:
			require.Contains(t, line, secret)
		}
	}
}

// The command is not the port program's business: it brings nothing of the bridge along.
func TestTermHasNothingOfTheBridge(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "github.com/gwport/gwport/cmd/gwport/term").CombinedOutput()
	require.NoError(t, err, string(out))
	require.NotContains(t, "\n"+string(out), "\ngithub.com/gwport/gwport/bridge\n")
	require.NotContains(t, string(out), "bridge/internal")
}

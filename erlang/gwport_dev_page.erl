%% What a browser is shown, in a pool of development, while what was saved last does not build:
%% what the compiler says, and the source around the lines that it names.
%%
%% gwport_dev says when that is so, and gwport_exchange asks here for each request that a program
%% of such a pool is about to get. The page is for a browser that goes to a page: a GET or HEAD
%% that accepts HTML, and is for a document if it says what for. Any other request goes to the old
%% program, as does one of a browser whose user has chosen to go on with that: the page has a link,
%% which sets a cookie that counts until the next build. The page asks by a field of its own
%% whether it is still the newest, and loads itself again when it is not.
%% @hidden
-module(gwport_dev_page).

-export([create/0, failed/2, good/1, instead/2, sentence/1]).

-export_type([failure/0]).

-include("gwport_status_page.hrl").

%% What has failed, after how many milliseconds, what was said, and the folder that files in there
%% are named relative to.
-type failure() :: #{what := build | start, ms := non_neg_integer(), lines := [binary()],
    dir := binary()}.

%% How many lines of source are shown before and behind one that is named, how many such lines, and
%% of files of how many bytes.
-define(AROUND, 5).
-define(MAX_EXCERPTS, 10).
-define(MAX_FILE, 1 bsl 20).

-define(FIELD, <<"x-gwport-dev">>).
-define(NAME, "gwport-dev").

-define(OWN_STYLE, <<"
.source { padding-left: 0; padding-right: 0; tab-size: 4; }
.source span, .source mark { display: block; width: max-content; min-width: 100%; padding: 0 1rem; }
.source span, .source mark { box-sizing: border-box; }
.source mark { color: inherit; background: color-mix(in srgb, var(--bad) 18%, transparent); }
.source b { display: inline-block; min-width: 3em; margin-right: 1em; text-align: right; }
.source b { font-weight: 400; color: var(--quiet); user-select: none; }
.source mark b { color: var(--bad); }
.source i { display: inline-block; font-style: normal; }
h2 code { overflow-wrap: anywhere; }
p.why { color: var(--bad); overflow-wrap: anywhere; }
">>).

%% A page that nobody looks at asks for nothing.
-define(OWN_SCRIPT, <<"
'use strict';
const shown = document.documentElement.dataset.failure;
const said = document.getElementById('link');
let timer;
async function look() {
	clearTimeout(timer);
	if (document.hidden) return;
	try {
		const asks = { headers: { 'x-gwport-dev': shown }, cache: 'no-store' };
		const answer = await fetch(location.href, asks);
		const now = answer.headers.get('x-gwport-dev');
		if (now !== null && now !== shown) { location.reload(); return; }
		said.textContent = 'It loads itself again after the next build.';
	} catch {
		said.textContent = 'The node does not answer.';
	}
	timer = setTimeout(look, 300);
}
document.addEventListener('visibilitychange', look);
look();
">>).

%% Called by the application's supervisor, which owns the table.
-spec create() -> ok.
create() ->
    ?MODULE = ets:new(?MODULE, [named_table, public, {read_concurrency, true}]),
    ok.

%% What is saved does not go live.
-spec failed(Pool :: atom(), failure()) -> ok.
failed(Pool, Failure = #{lines := Lines, dir := Dir}) ->
    Id = integer_to_binary(erlang:system_time(microsecond), 36),
    true = ets:insert(?MODULE, {Pool, Id, Failure#{at => calendar:local_time(),
        excerpts => excerpts(Lines, Dir)}}),
    ok.

%% What is saved is what runs.
-spec good(Pool :: atom()) -> ok.
good(Pool) ->
    true = ets:delete(?MODULE, Pool),
    ok.

%% An app to answer a request in the program's place.
-spec instead(Pool :: atom(), gwport_environ:request()) -> {ok, gwport_run_app:app()} | none.
instead(Pool, Request = #{<<"headers">> := Headers}) ->
    case {find(Pool), is_asked(Headers)} of
        {Found, true} -> {ok, fun(_) -> answer(Found) end};
        {none, false} -> none;
        {{Id, Failure}, false} -> shown(is_navigation(Request), Pool, Id, Failure, Request)
    end.

%% Without the application there is none.
find(Pool) ->
    try ets:lookup(?MODULE, Pool) of
        [{_, Id, Failure}] -> {Id, Failure};
        [] -> none
    catch
        error:badarg -> none
    end.

is_asked(Headers) ->
    lists:keymember(?FIELD, 1, Headers).

answer(none) -> newest(<<"none">>);
answer({Id, _}) -> newest(Id).

newest(Id) ->
    {200, [{?FIELD, Id}, {<<"content-type">>, <<"text/plain">>} | headers()], <<>>}.

is_navigation(#{<<"method">> := Method, <<"headers">> := Headers})
        when Method =:= <<"GET">>; Method =:= <<"HEAD">> ->
    has(<<"accept">>, <<"text/html">>, Headers) andalso
        lists:member(value(<<"sec-fetch-dest">>, Headers), [<<>>, <<"document">>]);
is_navigation(_) ->
    false.

has(Name, Part, Headers) ->
    binary:match(value(Name, Headers), Part) =/= nomatch.

value(Name, Headers) ->
    iolist_to_binary(lists:join($;, [Value || {Is, Value} <- Headers, Is =:= Name])).

shown(false, _, _, _, _) ->
    none;
shown(true, Pool, Id, Failure, Request = #{<<"query">> := Query, <<"headers">> := Headers}) ->
    GoesOn = <<?NAME, "=", Id/binary>>,
    case {has(<<"cookie">>, GoesOn, Headers), without(GoesOn, Query)} of
        {true, _} -> none;
        {false, {ok, Rest}} -> {ok, fun(_) -> goes_on(GoesOn, Rest, Request) end};
        {false, none} -> {ok, fun(_) -> page(Pool, Id, GoesOn, Failure, Request) end}
    end.

%% What the link has added to the query, taken away.
without(GoesOn, Query) ->
    case byte_size(Query) - byte_size(GoesOn) of
        0 when Query =:= GoesOn -> {ok, <<>>};
        At when At > 0 ->
            case Query of
                <<Rest:(At - 1)/binary, "&", GoesOn/binary>> -> {ok, Rest};
                _ -> none
            end;
        _ -> none
    end.

goes_on(GoesOn, Query, Request) ->
    {303, [{<<"location">>, target(Query, Request)},
        {<<"set-cookie">>, <<GoesOn/binary, "; Path=/; HttpOnly; SameSite=Lax">>} | headers()],
        <<>>}.

%% A path of two slashes would be another host.
target(Query, #{<<"path">> := Path}) ->
    Slash = string:trim(Path, leading, "/"),
    iolist_to_binary(["/", Slash, [["?", Query] || Query =/= <<>>]]).

headers() ->
    [{<<"cache-control">>, <<"no-store">>}, {<<"x-content-type-options">>, <<"nosniff">>},
        {<<"referrer-policy">>, <<"no-referrer">>}].

%% The page

page(Pool, Id, GoesOn, Failure, Request) ->
    Style = <<?STYLE/binary, ?OWN_STYLE/binary>>,
    {500, [{<<"content-type">>, <<"text/html; charset=utf-8">>},
        {<<"content-security-policy">>, policy(Style)}, {?FIELD, Id} | headers()],
        html(Pool, Id, GoesOn, Style, Failure, Request)}.

%% Nothing from outside, and of what is inside only the page's own script and style.
policy(Style) ->
    iolist_to_binary(["default-src 'none'; script-src 'sha256-", digest(?OWN_SCRIPT),
        "'; style-src 'sha256-", digest(Style), "'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"]).

digest(Bytes) ->
    base64:encode(crypto:hash(sha256, Bytes)).

html(Pool, Id, GoesOn, Style, Failure, Request = #{<<"query">> := Query, <<"path">> := Path}) ->
    #{what := What, ms := Ms, lines := Lines, dir := Dir, at := At, excerpts := Excerpts} = Failure,
    Name = escape(atom_to_binary(Pool)),
    More = iolist_to_binary([[Query, "&"] || Query =/= <<>>]),
    Link = target(<<More/binary, GoesOn/binary>>, Request),
    ["<!doctype html>\n<html lang='en' data-failure='", Id, "'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n<title>", Name, " ",
        sentence(What), "</title>\n<link rel='icon' href='data:,'>\n<style>", Style,
        "</style>\n</head>\n<body>\n<header>\n<h1>The program of pool <code>", Name, "</code> ",
        sentence(What), "</h1>\n<p>", seen(What, Ms, At), " The old program goes on.</p>\n"
        "</header>\n<main>\n<p><a href='", escape(Link), "'>Go on with the old program</a> until "
        "the next build. <span id='link' role='status'>Load this page again after the next "
        "build.</span></p>\n<h2>", whose(What), "</h2>\n<pre tabindex='0'>",
        [[escape(Line), "\n"] || Line <- Lines], "</pre>\n",
        [excerpt(Excerpt) || Excerpt <- Excerpts],
        "</main>\n<footer>\n<p class='still'>A browser that goes to <code>", escape(Path),
        "</code> is shown this page because the pool has the option <code>dev => true</code> and "
        "<code>gwport_dev</code> watches <code>", escape(Dir), "</code>; any other request goes to "
        "the old program. In production there is neither, and no such page.</p>\n</footer>\n"
        "<script>", ?OWN_SCRIPT, "</script>\n</body>\n</html>\n"].

%% Of a program, as the log has it as well.
-spec sentence(build | start) -> string().
sentence(build) -> "does not build";
sentence(start) -> "was built, but does not come up".

whose(build) -> "What the compiler says";
whose(start) -> "Why".

seen(What, Ms, {_, {Hour, Minute, Second}}) ->
    io_lib:format("~2..0b:~2..0b:~2..0b~s.", [Hour, Minute, Second,
        [io_lib:format(", after ~.1f s", [Ms / 1000]) || What =:= build]]).

excerpt({File, Line, Text, First, Source}) ->
    ["<h2><code>", escape(File), ":", integer_to_binary(Line), "</code></h2>\n<p class='why'>",
        escape(Text), "</p>\n<pre class='source' tabindex='0'>", numbered(First, Line, Source),
        "</pre>\n"].

numbered(_, _, []) ->
    [];
numbered(Line, Line, [Text | Rest]) ->
    ["<mark>", numbered(Line, Text), "</mark>" | numbered(Line + 1, Line, Rest)];
numbered(Number, Line, [Text | Rest]) ->
    ["<span>", numbered(Number, Text), "</span>" | numbered(Number + 1, Line, Rest)].

numbered(Number, Text) ->
    ["<b>", integer_to_binary(Number), "</b><i>", escape(Text), "</i>"].

%% Bytes that are no UTF-8 are U+FFFD.
escape(<<$<, Rest/bytes>>) -> ["&lt;" | escape(Rest)];
escape(<<$>, Rest/bytes>>) -> ["&gt;" | escape(Rest)];
escape(<<$&, Rest/bytes>>) -> ["&amp;" | escape(Rest)];
escape(<<$', Rest/bytes>>) -> ["&#39;" | escape(Rest)];
escape(<<$", Rest/bytes>>) -> ["&#34;" | escape(Rest)];
escape(<<0, Rest/bytes>>) -> [<<16#fffd/utf8>> | escape(Rest)];
escape(<<C/utf8, Rest/bytes>>) -> [<<C/utf8>> | escape(Rest)];
escape(<<_, Rest/bytes>>) -> [<<16#fffd/utf8>> | escape(Rest)];
escape(<<>>) -> [].

%% The source

%% The lines that are named, each once, and what is around them: as it was when the build failed.
excerpts(Lines, Dir) ->
    Named = lists:foldl(fun(Line, Acc) -> named(place_of(Line), Dir, Acc) end, [], Lines),
    lists:sublist(lists:reverse(Named), ?MAX_EXCERPTS).

%% `main.go:12:3: undefined: x', and go.mod's lines without a column.
place_of(Line) ->
    case re:run(Line, "^\\s*(\\S[^:]*):([0-9]{1,7})(?::[0-9]+)?: (.*)$",
            [{capture, all_but_first, binary}]) of
        {match, [File, Number, Text]} -> {File, binary_to_integer(Number), Text};
        nomatch -> none
    end.

named(none, _, Acc) ->
    Acc;
named({File, Line, _}, _, Acc = [{File, Line, _, _, _} | _]) ->
    Acc;
named({File, Line, Text}, Dir, Acc) ->
    case source(filename:join(Dir, File), Line) of
        {First, Source} -> [{File, Line, Text, First, Source} | Acc];
        none -> Acc
    end.

source(File, Line) ->
    case filelib:is_regular(File) andalso filelib:file_size(File) =< ?MAX_FILE
            andalso file:read_file(File) of
        {ok, Bytes} -> around(binary:split(Bytes, <<"\n">>, [global, trim]), Line);
        _ -> none
    end.

around(Lines, Line) when Line > 0, Line =< length(Lines) ->
    First = max(1, Line - ?AROUND),
    {First, lists:sublist(Lines, First, Line + ?AROUND - First + 1)};
around(_, _) ->
    none.

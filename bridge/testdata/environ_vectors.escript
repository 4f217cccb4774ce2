#!/usr/bin/env escript
%% Writes test/vectors/environ.txt: run it as
%%     escript bridge/testdata/environ_vectors.escript > test/vectors/environ.txt
%%
%% Every case is what it changes of a usual request, and what is then different in the usual
%% environ. The expectations are written by hand, from SPEC.md, section 10; no code derives them.

main([]) ->
    ok = io:setopts([{encoding, latin1}]),
    io:put_chars(
        "# Requests and the environs that both sides make of them (SPEC.md, section 10).\n"
        "# Written by bridge/testdata/environ_vectors.escript; read by the tests of Go, of Erlang and of the Python program.\n"
        "#\n"
        "# case: the name\n"
        "# open: the Request term, external term format with version byte, in hex\n"
        "# env:  the environ without the values of the language at hand, likewise\n"),
    lists:foreach(fun(Case) -> write(Case) end, cases()).

write({Name, Changes, Different}) ->
    Request = merge(request(), Changes),
    Environ = merge(environ(), Different),
    io:format("~n# Request: ~ts~n# Environ: ~ts~ncase: ~s~nopen: ~s~nenv: ~s~n",
        [text(Request), text(Environ), Name, hex(Request), hex(Environ)]).

%% A value of `none` takes the key out.
merge(Map, Changes) ->
    maps:filter(fun(_, V) -> V =/= none end, maps:merge(Map, maps:from_list(Changes))).

text(Term) ->
    [case C > 126 of true -> io_lib:format("\\x~2.16.0B", [C]); false -> C end
        || C <- lists:flatten(io_lib:format("~0p", [Term]))].

hex(Term) -> [io_lib:format("~2.16.0b", [B]) || <<B>> <= term_to_binary(Term)].

request() ->
    #{<<"method">> => <<"GET">>, <<"path">> => <<"/">>, <<"query">> => <<>>, <<"version">> => {1, 1},
        <<"scheme">> => <<"http">>, <<"host">> => <<"example.org">>, <<"port">> => 80,
        <<"peer">> => {<<"192.0.2.7">>, 51234}, <<"local">> => {<<"192.0.2.1">>, 80},
        <<"headers">> => [{<<"host">>, <<"example.org">>}], <<"path_info">> => 99, <<"length">> => 0}.

environ() ->
    #{<<"REQUEST_METHOD">> => <<"GET">>, <<"SCRIPT_NAME">> => <<>>, <<"PATH_INFO">> => <<"/">>,
        <<"QUERY_STRING">> => <<>>, <<"SERVER_NAME">> => <<"example.org">>, <<"SERVER_PORT">> => <<"80">>,
        <<"SERVER_PROTOCOL">> => <<"HTTP/1.1">>, <<"REMOTE_ADDR">> => <<"192.0.2.7">>,
        <<"REMOTE_PORT">> => <<"51234">>, <<"REQUEST_URI">> => <<"/">>, <<"HTTP_HOST">> => <<"example.org">>,
        <<"gwport.version">> => {1, 0}, <<"gwport.url_scheme">> => <<"http">>,
        <<"gwport.script_name">> => <<>>, <<"gwport.path_info">> => <<"/">>}.

%% What a path becomes.
path(Name, Path, Behind, Script, Info) ->
    path(Name, Path, Behind, Script, Info, Script, Info).

path(Name, Path, Behind, Script, Info, RawScript, RawInfo) ->
    {Name, [{<<"path">>, Path}, {<<"path_info">>, Behind}],
        [{<<"REQUEST_URI">>, Path}, {<<"SCRIPT_NAME">>, Script}, {<<"PATH_INFO">>, Info},
            {<<"gwport.script_name">>, RawScript}, {<<"gwport.path_info">>, RawInfo}]}.

%% What headers become, besides Host.
headers(Name, Headers, Different) ->
    {Name, [{<<"headers">>, [{<<"host">>, <<"example.org">>} | Headers]}], Different}.

cases() ->
    [{"plain", [], []},
    path("root_behind_nothing", <<"/">>, 0, <<>>, <<"/">>),
    path("mounted", <<"/app/users/7">>, 2, <<"/app">>, <<"/users/7">>),
    path("mounted_at_two_segments", <<"/v1/app/x">>, 1, <<"/v1/app">>, <<"/x">>),
    path("mounted_and_nothing_behind", <<"/app">>, 0, <<"/app">>, <<>>),
    path("mounted_and_a_slash_behind", <<"/app/">>, 0, <<"/app">>, <<"/">>),
    path("trailing_slash", <<"/app/users/">>, 1, <<"/app">>, <<"/users/">>),
    path("more_segments_asked_for_than_there_are", <<"/a/b">>, 5, <<>>, <<"/a/b">>),
    path("single_dot", <<"/app/./users">>, 1, <<"/app">>, <<"/users">>),
    path("double_dot", <<"/app/x/../users">>, 1, <<"/app">>, <<"/users">>),
    path("double_dot_above_the_root", <<"/../../app/users">>, 1, <<"/app">>, <<"/users">>),
    path("dot_at_the_end_leaves_a_slash", <<"/app/users/.">>, 1, <<"/app">>, <<"/users/">>),
    path("double_dot_at_the_end_leaves_a_slash", <<"/app/users/..">>, 0, <<"/app">>, <<"/">>),
    path("all_resolved_away", <<"/a/..">>, 0, <<>>, <<"/">>),
    path("dots_and_a_slash_at_the_end", <<"/app/a/../">>, 0, <<"/app">>, <<"/">>),
    path("encoded_dots_are_dots", <<"/app/x/%2e%2E/users">>, 1, <<"/app">>, <<"/users">>),
    path("three_dots_are_a_name", <<"/app/...">>, 1, <<"/app">>, <<"/...">>),
    path("encoded_slash_stays_in_its_segment", <<"/app/a%2Fb/c">>, 2,
        <<"/app">>, <<"/a/b/c">>, <<"/app">>, <<"/a%2Fb/c">>),
    path("encoded_slash_in_the_mount", <<"/a%2fb/c">>, 1, <<"/a/b">>, <<"/c">>, <<"/a%2fb">>, <<"/c">>),
    path("encoded_dots_with_a_slash_are_a_name", <<"/app/..%2f..">>, 1,
        <<"/app">>, <<"/../..">>, <<"/app">>, <<"/..%2f..">>),
    path("encoded_space_and_utf8", <<"/app/caf%C3%A9%20au">>, 1,
        <<"/app">>, <<"/caf", 16#C3, 16#A9, " au">>, <<"/app">>, <<"/caf%C3%A9%20au">>),
    path("encoded_byte_that_is_no_utf8", <<"/app/%FF">>, 1,
        <<"/app">>, <<"/", 16#FF>>, <<"/app">>, <<"/%FF">>),
    path("plus_is_a_plus", <<"/app/a+b">>, 1, <<"/app">>, <<"/a+b">>),
    path("percent_without_digits_stays", <<"/app/100%/%zz">>, 2, <<"/app">>, <<"/100%/%zz">>),
    path("empty_segments_stay", <<"/app//a//b">>, 4, <<"/app">>, <<"//a//b">>),
    path("two_slashes_are_one_empty_segment", <<"//">>, 1, <<>>, <<"//">>),
    path("path_that_looks_like_an_authority", <<"//evil.example/x">>, 3, <<>>, <<"//evil.example/x">>),
    {"star", [{<<"method">>, <<"OPTIONS">>}, {<<"path">>, <<"*">>}, {<<"path_info">>, 0}],
        [{<<"REQUEST_METHOD">>, <<"OPTIONS">>}, {<<"REQUEST_URI">>, <<"*">>}, {<<"PATH_INFO">>, <<"*">>},
            {<<"gwport.path_info">>, <<"*">>}]},
    {"query", [{<<"query">>, <<"q=a%20b&x=/?">>}],
        [{<<"QUERY_STRING">>, <<"q=a%20b&x=/?">>}, {<<"REQUEST_URI">>, <<"/?q=a%20b&x=/?">>}]},
    {"post_with_type_and_length", [{<<"method">>, <<"POST">>}, {<<"length">>, 11},
        {<<"headers">>, [{<<"host">>, <<"example.org">>}, {<<"content-type">>, <<"text/plain">>},
            {<<"content-length">>, <<"11">>}]}],
        [{<<"REQUEST_METHOD">>, <<"POST">>}, {<<"CONTENT_TYPE">>, <<"text/plain">>},
            {<<"CONTENT_LENGTH">>, <<"11">>}]},
    {"http10_without_a_host", [{<<"version">>, {1, 0}}, {<<"host">>, <<>>}, {<<"headers">>, []}],
        [{<<"SERVER_PROTOCOL">>, <<"HTTP/1.0">>}, {<<"SERVER_NAME">>, <<"192.0.2.1">>}, {<<"HTTP_HOST">>, none}]},
    {"https_on_http2", [{<<"version">>, {2, 0}}, {<<"scheme">>, <<"https">>}, {<<"port">>, 443},
            {<<"tls">>, true}],
        [{<<"SERVER_PROTOCOL">>, <<"HTTP/2">>}, {<<"SERVER_PORT">>, <<"443">>},
            {<<"gwport.url_scheme">>, <<"https">>}]},
    {"port_of_its_own", [{<<"port">>, 8080}, {<<"headers">>, [{<<"host">>, <<"example.org:8080">>}]}],
        [{<<"SERVER_PORT">>, <<"8080">>}, {<<"HTTP_HOST">>, <<"example.org:8080">>}]},
    {"unix_peer", [{<<"peer">>, {<<>>, 0}}], [{<<"REMOTE_ADDR">>, <<>>}, {<<"REMOTE_PORT">>, <<"0">>}]},
    {"ipv6", [{<<"peer">>, {<<"2001:db8::7">>, 51234}}, {<<"local">>, {<<"::1">>, 80}}, {<<"host">>, <<"[::1]">>},
        {<<"headers">>, [{<<"host">>, <<"[::1]">>}]}],
        [{<<"REMOTE_ADDR">>, <<"2001:db8::7">>}, {<<"SERVER_NAME">>, <<"[::1]">>}, {<<"HTTP_HOST">>, <<"[::1]">>}]},
    headers("header_names", [{<<"x-request-id">>, <<"7">>}, {<<"accept">>, <<"*/*">>}],
        [{<<"HTTP_X_REQUEST_ID">>, <<"7">>}, {<<"HTTP_ACCEPT">>, <<"*/*">>}]),
    headers("duplicates_are_joined_in_order", [{<<"x-a">>, <<"1">>}, {<<"x-b">>, <<"2">>}, {<<"x-a">>, <<"3">>}],
        [{<<"HTTP_X_A">>, <<"1, 3">>}, {<<"HTTP_X_B">>, <<"2">>}]),
    headers("cookies_are_joined_by_semicolons", [{<<"cookie">>, <<"a=1">>}, {<<"cookie">>, <<"b=2">>}],
        [{<<"HTTP_COOKIE">>, <<"a=1; b=2">>}]),
    headers("underscores_do_not_pose_as_dashes", [{<<"x_user">>, <<"root">>}, {<<"x-user">>, <<"guest">>}],
        [{<<"HTTP_X_USER">>, <<"guest">>}]),
    headers("odd_names_have_no_key", [{<<"x.y">>, <<"1">>}, {<<"x!">>, <<"2">>}], []),
    headers("proxy_is_nobodys_proxy", [{<<"proxy">>, <<"http://evil.example">>}], []),
    headers("proxy_authorization_is_another", [{<<"proxy-authorization">>, <<"Basic eA==">>}],
        [{<<"HTTP_PROXY_AUTHORIZATION">>, <<"Basic eA==">>}]),
    headers("content_type_has_no_twin", [{<<"content-type">>, <<"a/b">>}, {<<"content-length">>, <<"0">>},
        {<<"content-md5">>, <<"x">>}],
        [{<<"CONTENT_TYPE">>, <<"a/b">>}, {<<"CONTENT_LENGTH">>, <<"0">>}, {<<"HTTP_CONTENT_MD5">>, <<"x">>}]),
    headers("values_are_any_bytes", [{<<"x-latin">>, <<"caf", 16#E9>>}, {<<"x-empty">>, <<>>}],
        [{<<"HTTP_X_LATIN">>, <<"caf", 16#E9>>}, {<<"HTTP_X_EMPTY">>, <<>>}])].

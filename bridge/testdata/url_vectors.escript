#!/usr/bin/env escript
%% Writes test/vectors/url.txt: run it as
%%     escript bridge/testdata/url_vectors.escript > test/vectors/url.txt
%%
%% Every case is what it changes of a usual environ, and the URL; both are written by hand.

main([]) ->
    ok = io:setopts([{encoding, latin1}]),
    io:put_chars(
        "# Environs, and the URLs that both sides make of them (SPEC.md, section 10).\n"
        "# Written by bridge/testdata/url_vectors.escript.\n"
        "#\n"
        "# case: the name\n"
        "# env:  the environ, external term format with version byte, in hex\n"
        "# url:  the URL\n"),
    lists:foreach(fun(Case) -> write(Case) end, cases()).

%% A value of `none` takes the key out.
write({Name, Changes, Url}) ->
    Environ = maps:filter(fun(_, V) -> V =/= none end, maps:merge(environ(), maps:from_list(Changes))),
    io:format("~n# Environ: ~0p~ncase: ~s~nenv: ~s~nurl: ~s~n",
        [Environ, Name, [io_lib:format("~2.16.0b", [B]) || <<B>> <= term_to_binary(Environ)], Url]).

environ() ->
    #{<<"REQUEST_METHOD">> => <<"GET">>, <<"SCRIPT_NAME">> => <<"/shop">>, <<"PATH_INFO">> => <<"/tea">>,
        <<"QUERY_STRING">> => <<>>, <<"SERVER_NAME">> => <<"example.org">>, <<"SERVER_PORT">> => <<"80">>,
        <<"HTTP_HOST">> => <<"example.org">>, <<"gwport.url_scheme">> => <<"http">>,
        <<"gwport.script_name">> => <<"/shop">>, <<"gwport.path_info">> => <<"/tea">>}.

host(Host) -> {<<"HTTP_HOST">>, Host}.
scheme(Scheme) -> {<<"gwport.url_scheme">>, Scheme}.

server(Name, Port) -> [host(none), {<<"SERVER_NAME">>, Name}, {<<"SERVER_PORT">>, Port}].

path(Script, Info, RawScript, RawInfo) ->
    [{<<"SCRIPT_NAME">>, Script}, {<<"PATH_INFO">>, Info}, {<<"gwport.script_name">>, RawScript},
        {<<"gwport.path_info">>, RawInfo}].

cases() ->
    [{"plain", [], "http://example.org/shop/tea"},
    {"query", [{<<"QUERY_STRING">>, <<"q=a%20b&x=/?">>}], "http://example.org/shop/tea?q=a%20b&x=/?"},
    {"word_url_in_the_query", [{<<"QUERY_STRING">>, <<"in=url">>}], "http://example.org/shop/tea?in=url"},
    {"https", [scheme(<<"https">>), {<<"SERVER_PORT">>, <<"443">>}], "https://example.org/shop/tea"},
    {"host_before_server", [host(<<"shop.example">>), {<<"SERVER_PORT">>, <<"8080">>}],
        "http://shop.example/shop/tea"},
    {"host_with_a_port", [host(<<"example.org:8080">>)], "http://example.org:8080/shop/tea"},
    {"host_with_the_default_port", [host(<<"example.org:80">>)], "http://example.org/shop/tea"},
    {"host_with_the_default_port_of_https", [scheme(<<"https">>), host(<<"example.org:443">>)],
        "https://example.org/shop/tea"},
    {"host_with_the_other_default_port", [scheme(<<"https">>), host(<<"example.org:80">>)],
        "https://example.org:80/shop/tea"},
    {"host_whose_port_ends_like_the_default_one", [host(<<"example.org:8080">>)],
        "http://example.org:8080/shop/tea"},
    {"host_with_an_empty_port", [host(<<"example.org:">>)], "http://example.org/shop/tea"},
    {"host_of_ipv6", [host(<<"[::80]">>)], "http://[::80]/shop/tea"},
    {"host_of_ipv6_with_a_port", [host(<<"[::1]:8080">>)], "http://[::1]:8080/shop/tea"},
    {"empty_host", [host(<<>>)], "http://example.org/shop/tea"},
    {"server", server(<<"example.org">>, <<"80">>), "http://example.org/shop/tea"},
    {"server_with_a_port", server(<<"example.org">>, <<"8080">>), "http://example.org:8080/shop/tea"},
    {"server_with_the_other_default_port", server(<<"example.org">>, <<"443">>), "http://example.org:443/shop/tea"},
    {"server_of_https", [scheme(<<"https">>) | server(<<"example.org">>, <<"443">>)], "https://example.org/shop/tea"},
    {"server_that_is_an_ipv6_address", server(<<"::1">>, <<"8080">>), "http://[::1]:8080/shop/tea"},
    {"server_of_ipv6_in_brackets", server(<<"[::1]">>, <<"80">>), "http://[::1]/shop/tea"},
    {"encoded_slashes_stay", path(<<"/a/b">>, <<"/c/d">>, <<"/a%2Fb">>, <<"/c%2fd">>),
        "http://example.org/a%2Fb/c%2fd"},
    {"codes_are_not_made_anew", path(<<>>, <<"/~a b">>, <<>>, <<"/%7ea%20b">>), "http://example.org/%7ea%20b"},
    {"percent_codes_are_not_encoded_again", path(<<>>, <<"/100%25">>, <<>>, <<"/100%2525">>),
        "http://example.org/100%2525"},
    {"bytes_that_are_no_utf8", path(<<>>, <<"/", 16#ff>>, <<>>, <<"/%FF">>), "http://example.org/%FF"},
    {"plus_is_a_plus", path(<<>>, <<"/a+b">>, <<>>, <<"/a+b">>), "http://example.org/a+b"},
    {"path_that_looks_like_an_authority", path(<<>>, <<"//evil.example/x">>, <<>>, <<"//evil.example/x">>),
        "http://example.org//evil.example/x"},
    {"no_raw_path", path(<<"/a b">>, <<"/c?d">>, none, none), "http://example.org/a%20b/c%3Fd"},
    {"changed_path_whose_raw_form_was_not", path(<<"/shop">>, <<"/coffee & cake">>, <<"/shop">>, <<"/tea">>),
        "http://example.org/shop/coffee%20&%20cake"},
    {"cut_that_was_moved", path(<<"/shop/a/b">>, <<"/c">>, <<"/shop/a%2Fb">>, <<"/c">>),
        "http://example.org/shop/a%2Fb/c"},
    {"nothing_behind_the_mount", path(<<"/shop">>, <<>>, <<"/shop">>, <<>>), "http://example.org/shop"},
    {"no_path_at_all", path(<<>>, <<>>, <<>>, <<>>), "http://example.org/"},
    {"no_path_and_a_query", [{<<"QUERY_STRING">>, <<"q">>} | path(<<>>, <<>>, <<>>, <<>>)], "http://example.org/?q"},
    {"star", [{<<"REQUEST_METHOD">>, <<"OPTIONS">>} | path(<<>>, <<"*">>, <<>>, <<"*">>)], "http://example.org"},
    {"authority", [{<<"REQUEST_METHOD">>, <<"CONNECT">>}, host(<<"example.org:443">>)
        | path(<<>>, <<"example.org:443">>, <<>>, <<"example.org:443">>)], "http://example.org:443"},
    {"no_query", [{<<"QUERY_STRING">>, none}], "http://example.org/shop/tea"}].

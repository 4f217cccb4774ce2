%% Lines of the access log, from what is known of a request.
-module(gwport_access_tests).

-include_lib("eunit/include/eunit.hrl").

%% In microseconds: 2023-11-14T22:13:20.123456Z.
-define(TIME, 1700000000123456).
-define(PARENT, <<"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01">>).

a_request_in_the_combined_format_test() ->
    ?assertEqual(<<"192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /shop/tea HTTP/1.1\" 200 21 "
        "\"https://example.com/\" \"curl/8.5.0\"">>,
        line(combined, #{}, [{<<"referer">>, <<"https://example.com/">>}, {<<"user-agent">>, <<"curl/8.5.0">>}])).

what_is_not_known_is_a_dash_in_the_combined_format_test() ->
    ?assertEqual(<<"- - - [14/Nov/2023:22:13:20 +0000] \"GET /shop/tea HTTP/2.0\" - 0 \"-\" \"-\"">>,
        line(combined, #{peer => <<>>, status => none, bytes => 0, version => {2, 0}, reason => client_gone}, [])).

a_request_as_json_test() ->
    ?assertEqual(<<"{\"time\":\"2023-11-14T22:13:20.123456Z\",\"pool\":\"shop\",\"app\":\"till\",\"peer\":\"192.0.2.7\","
        "\"method\":\"GET\",\"path\":\"/shop/tea\",\"version\":\"HTTP/1.1\",\"host\":\"example.com\",\"status\":200,"
        "\"bytes\":21,\"duration_us\":1500,\"reason\":\"app_failed\",\"referer\":\"https://example.com/\","
        "\"user_agent\":\"curl/8.5.0\",\"traceparent\":\"", ?PARENT/binary, "\"}">>,
        line(json, #{reason => app_failed, traceparent => ?PARENT},
            [{<<"referer">>, <<"https://example.com/">>}, {<<"user-agent">>, <<"curl/8.5.0">>}])).

what_is_not_known_is_not_in_json_test() ->
    ?assertEqual(#{<<"time">> => <<"2023-11-14T22:13:20.123456Z">>, <<"pool">> => <<"shop">>, <<"method">> => <<"GET">>,
        <<"path">> => <<"/shop/tea">>, <<"version">> => <<"HTTP/1.1">>, <<"host">> => <<"example.com">>,
        <<"status">> => null, <<"bytes">> => 21, <<"duration_us">> => 1500},
        read(line(json, #{peer => <<>>, app => <<>>, status => none}, []))).

an_app_in_erlang_has_no_pool_in_json_test() ->
    ?assertNot(is_map_key(<<"pool">>, read(line(json, #{pool => undefined}, [])))).

no_other_field_of_the_request_is_there_test_() ->
    [{atom_to_list(Format), ?_assertEqual(nomatch, binary:match(line(Format, #{query => <<"t0psecret">>},
        [{<<"cookie">>, <<"t0psecret">>}, {<<"authorization">>, <<"t0psecret">>},
            {<<"referer">>, <<"https://example.com/?t0psecret">>}]), <<"t0psecret">>))} || Format <- [combined, json]].

the_query_of_a_referer_is_left_out_test_() ->
    [?_assertMatch(#{<<"referer">> := <<"https://example.com/a">>}, read(line(json, #{}, [{<<"referer">>, Referer}])))
        || Referer <- [<<"https://example.com/a?b=c">>, <<"https://example.com/a#b?c">>, <<"https://example.com/a?b#c">>]].

a_client_cannot_write_more_than_it_is_asked_for_test_() ->
    Nasty = [<<"a\" 200 1 \"b\" \"c">>, <<"a\\">>, <<"a\nb">>, <<"a\r\nb">>, <<0, 7, 27, "[2J", 127>>, <<"a\",\"status\":200,\"b\":\"">>,
        <<"tab\there">>, <<"\x{2028}\x{202e}\x{feff}x"/utf8>>, <<"\x{1f600}\x{e0001}"/utf8>>, <<"Zo\x{eb}"/utf8>>],
    [[?_test(is_combined(Text, line(combined, #{path => Text}, fields(Text)))),
        ?_assertMatch(#{<<"path">> := Text, <<"user_agent">> := Text, <<"referer">> := Text, <<"status">> := 200},
            read(is_line(line(json, #{path => Text}, fields(Text)))))] || Text <- Nasty].

every_byte_is_one_of_a_line_test() ->
    [begin
        Text = <<"a", Byte, "b">>,
        is_combined(Text, line(combined, #{path => Text}, fields(Text))),
        is_line(line(json, #{path => Text}, fields(Text)))
    end || Byte <- lists:seq(0, 255)].

bytes_that_are_no_text_are_the_replacement_character_in_json_test() ->
    ?assertMatch(#{<<"path">> := <<"/\x{fffd}\x{fffd}a"/utf8>>}, read(line(json, #{path => <<"/", 255, 254, "a">>}, []))).

a_text_is_cut_test_() ->
    %% Its bytes; what it is quoted by is not among them.
    [?_assertMatch({Cut, #{<<"path">> := <<Path:Cut/bytes>>, <<"user_agent">> := <<Path:Cut/bytes>>}},
        {Cut, read(line(json, #{path => Path0}, fields(Path0)))})
        || {Size, Cut} <- [{8191, 8191}, {8192, 8192}, {8193, 8192}], Path0 <- [binary:copy(<<"a">>, Size)],
           Path <- [binary:part(Path0, 0, Cut)]].

line(Format, Changed, Fields) ->
    gwport_access:line(gwport_access:new(Format, Fields), maps:merge(#{pool => shop, app => <<"till">>, method => <<"GET">>,
        path => <<"/shop/tea">>, host => <<"example.com">>, peer => <<"192.0.2.7">>, version => {1, 1}, time => ?TIME,
        duration => 1500, status => 200, bytes => 21}, Changed)).

fields(Text) -> [{<<"referer">>, Text}, {<<"user-agent">>, Text}].

%% Three texts in quotes, with the rest where it should be.
is_combined(Text, Line) ->
    ?assertMatch({Text, match}, {Text, re:run(is_line(Line), "^192\\.0\\.2\\.7 - - \\[[^]]+\\] \"GET ([^\"\\\\]|\\\\.)* HTTP/1\\.1\" 200 21 "
        "\"([^\"\\\\]|\\\\.)*\" \"([^\"\\\\]|\\\\.)*\"$", [{capture, none}, dollar_endonly])}).

is_line(Line) ->
    ?assertEqual([], [C || C <- unicode:characters_to_list(Line), C < 32 orelse C >= 127 andalso C =< 160
        orelse lists:member(C, [16#2028, 16#202e, 16#feff])]),
    Line.

%% By another reader of JSON than ours, for we have none.
read(Json) ->
    Port = open_port({spawn_executable, filename:join(code:priv_dir(gwport), "gwport")}, [binary, exit_status,
        {args, ["term", "--from", "json", "--to", "raw", Json]}]),
    binary_to_term(output(Port, <<>>)).

output(Port, Before) ->
    receive
        {Port, {data, Data}} -> output(Port, <<Before/binary, Data/binary>>);
        {Port, {exit_status, 0}} -> Before
    end.

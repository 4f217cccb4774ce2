-module(gwport_environ_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [elements/1, integer/2, list/1, oneof/1]).

%% Paths [E1]: path, segments behind the route, SCRIPT_NAME, PATH_INFO, and both raw if they differ.

paths_are_split_where_the_route_ends_test_() ->
    [{lists:concat([binary_to_list(Path), " ", Behind]),
        ?_assertEqual({{Script, Info}, {Script, Info}}, gwport_environ:split_path(Path, Behind))}
        || {Path, Behind, Script, Info} <- [
            {<<"/">>, 0, <<>>, <<"/">>},
            {<<"/">>, 1, <<>>, <<"/">>},
            {<<"/a">>, 0, <<"/a">>, <<>>},
            {<<"/a">>, 1, <<>>, <<"/a">>},
            {<<"/a">>, 9, <<>>, <<"/a">>},
            {<<"/a/">>, 0, <<"/a">>, <<"/">>},
            {<<"/a/">>, 1, <<>>, <<"/a/">>},
            {<<"/a/b">>, 1, <<"/a">>, <<"/b">>},
            {<<"/a/b/">>, 1, <<"/a">>, <<"/b/">>},
            {<<"/a/b/c">>, 2, <<"/a">>, <<"/b/c">>},
            {<<"//">>, 0, <<"/">>, <<"/">>},
            {<<"//">>, 1, <<>>, <<"//">>},
            {<<"//a">>, 2, <<>>, <<"//a">>},
            {<<"/a//b">>, 2, <<"/a">>, <<"//b">>},
            {<<"/a//">>, 2, <<>>, <<"/a//">>}]].

dot_segments_are_resolved_test_() ->
    [{binary_to_list(Path), ?_assertEqual({{<<>>, Info}, {<<>>, Info}}, gwport_environ:split_path(Path, 99))}
        || {Path, Info} <- [
            {<<"/.">>, <<"/">>}, {<<"/..">>, <<"/">>}, {<<"/./a">>, <<"/a">>}, {<<"/../a">>, <<"/a">>},
            {<<"/a/.">>, <<"/a/">>}, {<<"/a/./b">>, <<"/a/b">>}, {<<"/a/..">>, <<"/">>},
            {<<"/a/../b">>, <<"/b">>}, {<<"/a/b/..">>, <<"/a/">>}, {<<"/a/../../b">>, <<"/b">>},
            {<<"/a/b/../../c/">>, <<"/c/">>}, {<<"/a//../b">>, <<"/a/b">>}, {<<"/...">>, <<"/...">>},
            {<<"/a/..b">>, <<"/a/..b">>}, {<<"/.a">>, <<"/.a">>}]].

segments_behind_the_route_are_counted_after_dots_test() ->
    ?assertMatch({{<<"/shop">>, <<"/b">>}, _}, gwport_environ:split_path(<<"/shop/a/../b">>, 1)),
    ?assertMatch({{<<"/shop">>, <<"/">>}, _}, gwport_environ:split_path(<<"/shop/a/..">>, 0)).

dots_are_compared_decoded_test_() ->
    [{binary_to_list(Path), ?_assertMatch({{<<>>, <<"/b">>}, {<<>>, <<"/b">>}},
        gwport_environ:split_path(Path, 99))}
        || Path <- [<<"/a/%2e%2e/b">>, <<"/a/.%2E/b">>, <<"/%2e/b">>]].

an_encoded_dot_at_the_end_is_a_trailing_slash_test() ->
    ?assertEqual({{<<>>, <<"/a/">>}, {<<>>, <<"/a/">>}}, gwport_environ:split_path(<<"/a/%2E">>, 99)).

segments_are_decoded_and_kept_raw_test_() ->
    [{binary_to_list(Path), ?_assertEqual({{Script, Info}, {RawScript, RawInfo}},
        gwport_environ:split_path(Path, 1))}
        || {Path, Script, Info, RawScript, RawInfo} <- [
            {<<"/a%20b/c%2Fd">>, <<"/a b">>, <<"/c/d">>, <<"/a%20b">>, <<"/c%2Fd">>},
            {<<"/%61/%62">>, <<"/a">>, <<"/b">>, <<"/%61">>, <<"/%62">>},
            {<<"/x/%c3%A9">>, <<"/x">>, <<"/", 16#c3, 16#a9>>, <<"/x">>, <<"/%c3%A9">>},
            {<<"/x/%00">>, <<"/x">>, <<"/", 0>>, <<"/x">>, <<"/%00">>},
            {<<"/x/a%2F..%2Fb">>, <<"/x">>, <<"/a/../b">>, <<"/x">>, <<"/a%2F..%2Fb">>},
            {<<"/x/%2541">>, <<"/x">>, <<"/%41">>, <<"/x">>, <<"/%2541">>},
            {<<"/x/a+b">>, <<"/x">>, <<"/a+b">>, <<"/x">>, <<"/a+b">>}]].

an_encoded_slash_is_no_trailing_slash_and_no_segment_test() ->
    ?assertEqual({{<<"/a">>, <<"/b/">>}, {<<"/a">>, <<"/b%2F">>}},
        gwport_environ:split_path(<<"/a/b%2F">>, 1)).

what_is_no_percent_code_stands_for_itself_test_() ->
    [?_assertMatch({{<<>>, Info}, {<<>>, Path}}, gwport_environ:split_path(Path, 99))
        || {Path, Info} <- [{<<"/%">>, <<"/%">>}, {<<"/%4">>, <<"/%4">>}, {<<"/%zz">>, <<"/%zz">>},
            {<<"/%4z">>, <<"/%4z">>}, {<<"/%%41">>, <<"/%A">>}, {<<"/%4%41">>, <<"/%4A">>}]].

a_path_that_does_not_start_with_a_slash_is_all_path_info_test() ->
    [?assertEqual({{<<>>, Path}, {<<>>, Path}}, gwport_environ:split_path(Path, Behind))
        || Path <- [<<"*">>, <<>>, <<"a/b">>, <<"example.org:443">>], Behind <- [0, 1]].

%% Where the route ends changes the cut and nothing else.
both_parts_make_one_path_wherever_it_is_cut_test_() ->
    gwport_gen:check(?FORALL({Path, Behind}, {path(), integer(0, 8)},
        begin
            {{Script, Info}, {RawScript, RawInfo}} = gwport_environ:split_path(Path, Behind),
            {{<<>>, Whole}, {<<>>, RawWhole}} = gwport_environ:split_path(Path, 1000),
            <<Script/binary, Info/binary>> =:= Whole
                andalso <<RawScript/binary, RawInfo/binary>> =:= RawWhole
        end)).

%% What was resolved once stays as it is: no dot segment is left to climb with.
a_resolved_path_resolves_to_itself_test_() ->
    gwport_gen:check(?FORALL(Path, path(),
        begin
            {_, {<<>>, Raw}} = gwport_environ:split_path(Path, 1000),
            {_, {<<>>, Again}} = gwport_environ:split_path(Raw, 1000),
            Raw =:= Again
        end)).

the_decoded_path_is_the_raw_one_decoded_test_() ->
    gwport_gen:check(?FORALL({Path, Behind}, {path(), integer(0, 8)},
        begin
            {{Script, Info}, {RawScript, RawInfo}} = gwport_environ:split_path(Path, Behind),
            Script =:= unquoted(RawScript) andalso Info =:= unquoted(RawInfo)
        end)).

path() ->
    ?LET(Pieces, list(piece()), iolist_to_binary([$/, lists:join($/, Pieces)])).

piece() ->
    oneof([elements(["", "", ".", "..", "%2e", "%2E.", "a", "b", "%2F", "a%20b", "..."]),
        ?LET(Text, list(elements("ab.%2Ff~")), whole_codes(Text))]).

%% An ordinary client's path has no broken percent codes.
whole_codes([$%, $2, $F | Rest]) -> "%2F" ++ whole_codes(Rest);
whole_codes([$% | Rest]) -> whole_codes(Rest);
whole_codes([C | Rest]) -> [C | whole_codes(Rest)];
whole_codes([]) -> [].

unquoted(Raw) ->
    unicode:characters_to_binary(uri_string:percent_decode(Raw)).

%% The other keys

an_environ_has_what_a_request_says_test() ->
    ?assertEqual(#{
        <<"REQUEST_METHOD">> => <<"GET">>, <<"SCRIPT_NAME">> => <<"/shop">>, <<"PATH_INFO">> => <<"/a b">>,
        <<"QUERY_STRING">> => <<"q=1">>, <<"SERVER_NAME">> => <<"example.org">>,
        <<"SERVER_PORT">> => <<"8080">>, <<"SERVER_PROTOCOL">> => <<"HTTP/1.1">>,
        <<"REMOTE_ADDR">> => <<"192.0.2.7">>, <<"REMOTE_PORT">> => <<"51234">>,
        <<"REQUEST_URI">> => <<"/shop/a%20b?q=1">>, <<"HTTP_HOST">> => <<"example.org:8080">>,
        <<"gwport.version">> => {1, 0}, <<"gwport.url_scheme">> => <<"http">>,
        <<"gwport.script_name">> => <<"/shop">>, <<"gwport.path_info">> => <<"/a%20b">>,
        <<"gwport.async">> => false, <<"gwport.multithread">> => true,
        <<"gwport.multiprocess">> => true, <<"gwport.run_once">> => false},
        gwport_environ:environ(request(#{}))).

a_query_that_is_empty_leaves_the_uri_without_a_mark_test() ->
    ?assertMatch(#{<<"QUERY_STRING">> := <<>>, <<"REQUEST_URI">> := <<"/shop/a%20b">>},
        gwport_environ:environ(request(#{<<"query">> => <<>>}))).

the_uri_is_as_received_test() ->
    ?assertMatch(#{<<"REQUEST_URI">> := <<"/a/../b/%2e">>},
        gwport_environ:environ(request(#{<<"path">> => <<"/a/../b/%2e">>, <<"query">> => <<>>}))).

versions_have_their_names_test_() ->
    [?_assertMatch(#{<<"SERVER_PROTOCOL">> := Name}, gwport_environ:environ(request(#{<<"version">> => Version})))
        || {Version, Name} <- [{{1, 0}, <<"HTTP/1.0">>}, {{1, 1}, <<"HTTP/1.1">>}, {{2, 0}, <<"HTTP/2">>}]].

a_request_without_a_host_names_the_local_address_test() ->
    ?assertMatch(#{<<"SERVER_NAME">> := <<"192.0.2.1">>}, gwport_environ:environ(request(#{<<"host">> => <<>>}))).

%% Headers [E2, E3]

a_header_is_a_key_in_upper_case_test() ->
    ?assertMatch(#{<<"HTTP_X_FORWARDED_FOR2">> := <<"1">>}, with_headers([{<<"x-forwarded-for2">>, <<"1">>}])).

the_type_and_the_length_have_no_http_twins_test() ->
    Environ = with_headers([{<<"content-type">>, <<"a/b">>}, {<<"content-length">>, <<"5">>}]),
    ?assertMatch(#{<<"CONTENT_TYPE">> := <<"a/b">>, <<"CONTENT_LENGTH">> := <<"5">>}, Environ),
    ?assertEqual([], [Key || Key = <<"HTTP_", _/binary>> <- maps:keys(Environ)]).

the_type_and_the_length_are_there_only_if_sent_test() ->
    Environ = with_headers([]),
    ?assertNot(is_map_key(<<"CONTENT_TYPE">>, Environ)),
    ?assertNot(is_map_key(<<"CONTENT_LENGTH">>, Environ)).

proxy_is_left_out_and_its_like_are_not_test() ->
    Environ = with_headers([{<<"proxy">>, <<"evil">>}, {<<"proxy-authorization">>, <<"x">>}]),
    ?assertNot(is_map_key(<<"HTTP_PROXY">>, Environ)),
    ?assertMatch(#{<<"HTTP_PROXY_AUTHORIZATION">> := <<"x">>}, Environ).

only_letters_digits_and_dashes_make_a_key_test() ->
    [begin
        Environ = with_headers([{<<"x", Byte>>, <<"v">>}]),
        Is = Byte =:= $- orelse lists:member(Byte, lists:seq($a, $z) ++ lists:seq($A, $Z) ++ lists:seq($0, $9)),
        ?assertEqual({Byte, Is}, {Byte, [Key || Key = <<"HTTP_", _/binary>> <- maps:keys(Environ)] =/= []})
    end || Byte <- lists:seq(0, 255)].

an_underscore_does_not_pose_as_a_dash_test() ->
    ?assertMatch(#{<<"HTTP_X_USER">> := <<"right">>},
        with_headers([{<<"x_user">>, <<"evil">>}, {<<"x-user">>, <<"right">>}, {<<"x_user">>, <<"evil">>}])).

several_of_a_name_are_joined_in_order_test() ->
    ?assertMatch(#{<<"HTTP_ACCEPT">> := <<"a, b, c">>, <<"HTTP_COOKIE">> := <<"x=1; y=2">>},
        with_headers([{<<"accept">>, <<"a">>}, {<<"cookie">>, <<"x=1">>}, {<<"accept">>, <<"b">>},
            {<<"cookie">>, <<"y=2">>}, {<<"accept">>, <<"c">>}])).

no_header_can_change_another_key_test_() ->
    gwport_gen:check(?FORALL(Headers, list({gwport_gen:token(), <<"evil">>}),
        begin
            Plain = with_headers([]),
            maps:with(maps:keys(Plain), with_headers([{string:lowercase(Name), Value}
                || {Name, Value} <- Headers])) =:= Plain
        end)).

%% And back

an_environ_that_was_not_changed_is_its_request_test_() ->
    [{Name, ?_assertEqual(binary_to_term(Request),
            gwport_environ:request(gwport_environ:environ(binary_to_term(Request)), binary_to_term(Request)))}
        || {Name, Request, _} <- vectors()].

%% Keys that are no request's say nothing of it.
what_is_nobodys_in_an_environ_changes_nothing_test() ->
    Request = request(#{}),
    Environ = (gwport_environ:environ(Request))#{<<"REQUEST_URI">> := <<"/other">>, <<"shop.user">> => 1,
        <<"gwport.input">> => fun() -> eof end, <<"SERVER_PROTOCOL">> := <<"HTTP/1.0">>},
    ?assertEqual(Request, gwport_environ:request(Environ, Request)).

what_is_changed_in_an_environ_is_changed_in_its_request_test_() ->
    Headers = [{<<"accept">>, <<"a">>}, {<<"x_user">>, <<"1">>}, {<<"host">>, <<"example.org">>},
        {<<"accept">>, <<"b">>}, {<<"proxy">>, <<"2">>}, {<<"content-length">>, <<"3">>}],
    Request = request(#{<<"headers">> => Headers, <<"length">> => 3}),
    Environ = gwport_environ:environ(Request),
    [{binary_to_list(Key), ?_assertEqual(maps:merge(Request, Changed),
            gwport_environ:request(change(Key, Value, Environ), Request))} || {Key, Value, Changed} <- [
        {<<"REQUEST_METHOD">>, <<"PUT">>, #{<<"method">> => <<"PUT">>}},
        {<<"QUERY_STRING">>, <<"a=b">>, #{<<"query">> => <<"a=b">>}},
        {<<"QUERY_STRING">>, none, #{<<"query">> => <<>>}},
        {<<"SERVER_NAME">>, <<"other.org">>, #{<<"host">> => <<"other.org">>}},
        {<<"SERVER_PORT">>, <<"1">>, #{<<"port">> => 1}},
        {<<"REMOTE_ADDR">>, <<"::1">>, #{<<"peer">> => {<<"::1">>, 51234}}},
        {<<"REMOTE_PORT">>, <<"1">>, #{<<"peer">> => {<<"192.0.2.7">>, 1}}},
        {<<"gwport.url_scheme">>, <<"https">>, #{<<"scheme">> => <<"https">>}},
        {<<"HTTP_ACCEPT">>, <<"c">>, #{<<"headers">> => [{<<"x_user">>, <<"1">>}, {<<"host">>, <<"example.org">>},
            {<<"proxy">>, <<"2">>}, {<<"content-length">>, <<"3">>}, {<<"accept">>, <<"c">>}]}},
        {<<"HTTP_ACCEPT">>, none, #{<<"headers">> => [Header || Header = {Name, _} <- Headers, Name =/= <<"accept">>]}},
        {<<"HTTP_X_USER">>, <<"3">>, #{<<"headers">> => Headers ++ [{<<"x-user">>, <<"3">>}]}},
        {<<"CONTENT_TYPE">>, <<"a/b">>, #{<<"headers">> => Headers ++ [{<<"content-type">>, <<"a/b">>}]}},
        {<<"CONTENT_LENGTH">>, <<"4">>, #{<<"length">> => 4,
            <<"headers">> => lists:droplast(Headers) ++ [{<<"content-length">>, <<"4">>}]}},
        {<<"SCRIPT_NAME">>, <<"/other">>, #{<<"path">> => <<"/other/a%20b">>}},
        {<<"SCRIPT_NAME">>, <<>>, #{<<"path">> => <<"/a%20b">>}},
        {<<"PATH_INFO">>, <<"/c d/e?%\xff/">>, #{<<"path">> => <<"/shop/c%20d/e%3F%25%FF/">>, <<"path_info">> => 2}},
        {<<"PATH_INFO">>, none, #{<<"path">> => <<"/shop">>, <<"path_info">> => 0}},
        {<<"PATH_INFO">>, <<"/">>, #{<<"path">> => <<"/shop/">>, <<"path_info">> => 0}},
        {<<"gwport.path_info">>, <<"/c%2Fd/e">>, #{<<"path">> => <<"/shop/c%2Fd/e">>, <<"path_info">> => 2}},
        {<<"gwport.script_name">>, <<"/a%2Fb">>, #{<<"path">> => <<"/a%2Fb/a%20b">>}}]].

change(Key, none, Environ) -> maps:remove(Key, Environ);
change(Key, Value, Environ) -> Environ#{Key => Value}.

a_body_whose_length_is_taken_away_has_none_test() ->
    Request = request(#{<<"headers">> => [{<<"content-length">>, <<"3">>}], <<"length">> => 3}),
    Environ = maps:remove(<<"CONTENT_LENGTH">>, gwport_environ:environ(Request)),
    ?assertEqual(maps:remove(<<"length">>, Request#{<<"headers">> := []}), gwport_environ:request(Environ, Request)).

a_path_of_nothing_is_the_root_test() ->
    Request = request(#{}),
    Environ = (gwport_environ:environ(Request))#{<<"SCRIPT_NAME">> := <<>>, <<"PATH_INFO">> := <<>>},
    ?assertMatch(#{<<"path">> := <<"/">>, <<"path_info">> := 0}, gwport_environ:request(Environ, Request)).

%% A prefix may go from one part to the other, and the program sees it there.
a_cut_that_is_moved_is_the_programs_test_() ->
    gwport_gen:check(?FORALL({Path, Before, Behind}, {path(), integer(0, 8), integer(0, 8)},
        begin
            Of = fun(N) -> request(#{<<"path">> => Path, <<"path_info">> => N}) end,
            Keys = [<<"SCRIPT_NAME">>, <<"PATH_INFO">>, <<"gwport.script_name">>, <<"gwport.path_info">>],
            Parts = maps:with(Keys, gwport_environ:environ(Of(Behind))),
            Moved = gwport_environ:request(maps:merge(gwport_environ:environ(Of(Before)), Parts), Of(Before)),
            Parts =:= maps:with(Keys, gwport_environ:environ(Moved))
        end)).

%% The vectors that Go is held to as well.

environs_are_those_of_the_shared_vectors_test_() ->
    [{Name, ?_assertEqual(maps:merge(flags(), binary_to_term(Environ)),
            gwport_environ:environ(binary_to_term(Request)))}
        || {Name, Request, Environ} <- vectors()].

%% The same in every environ, and not in the vectors.
flags() ->
    #{<<"gwport.async">> => false, <<"gwport.multithread">> => true,
        <<"gwport.multiprocess">> => true, <<"gwport.run_once">> => false}.

there_are_shared_vectors_test() ->
    ?assert(length(vectors()) > 20).

vectors() ->
    {ok, Text} = file:read_file(filename:join([root(), "test", "vectors", "environ.txt"])),
    cases([line(Line) || Line <- binary:split(Text, <<"\n">>, [global])]).

cases([{'case', Name}, {open, Request}, {env, Environ} | Rest]) ->
    [{binary_to_list(Name), hex(Request), hex(Environ)} | cases(Rest)];
cases([none | Rest]) ->
    cases(Rest);
cases([]) ->
    [].

line(<<"case: ", Name/binary>>) -> {'case', Name};
line(<<"open: ", Hex/binary>>) -> {open, Hex};
line(<<"env:", Hex/binary>>) -> {env, string:trim(Hex)};
line(<<"#", _/binary>>) -> none;
line(<<>>) -> none.

hex(Hex) ->
    << <<(binary_to_integer(<<H, L>>, 16))>> || <<H, L>> <= Hex >>.

%% Where the sources are, whatever directory the tests run in.
root() ->
    Source = proplists:get_value(source, ?MODULE:module_info(compile)),
    filename:dirname(filename:dirname(Source)).

%% URLs.

urls_are_those_of_the_shared_vectors_test_() ->
    [{binary_to_list(Name), ?_assertEqual(Url, gwport_environ:url(Environ))} || {Name, Environ, Url} <- url_vectors()].

there_are_shared_vectors_of_urls_test() ->
    ?assert(length(url_vectors()) > 60).

%% A block is one case's: its name, the environ's variables, and the URL.
url_vectors() ->
    {ok, Text} = file:read_file(filename:join([root(), "test", "vectors", "url.txt"])),
    [url_vector([pair(Line) || Line <- binary:split(Block, <<"\n">>, [global, trim_all])])
        || Block = <<"case: ", _/binary>> <- binary:split(Text, <<"\n\n">>, [global])].

url_vector([{<<"case">>, Name} | Lines]) ->
    {value, {_, Url}, Variables} = lists:keytake(<<"url">>, 1, Lines),
    {Name, maps:from_list(Variables), Url}.

pair(Line) ->
    [Key | Value] = binary:split(Line, <<":">>),
    {Key, case Value of [<<" ", Text/binary>>] -> Text; [<<>>] -> <<>> end}.

a_url_is_of_bytes_test_() ->
    [?_assertEqual(<<"http://a.example", Url/binary>>, gwport_environ:url(#{<<"HTTP_HOST">> => <<"a.example">>,
            <<"SCRIPT_NAME">> => Script, <<"PATH_INFO">> => Info, <<"gwport.script_name">> => RawScript,
            <<"gwport.path_info">> => RawInfo}))
        || {Script, Info, RawScript, RawInfo, Url} <- [
            {<<>>, <<"/", 255>>, <<>>, <<"/%FF">>, <<"/%FF">>}, {<<>>, <<"/", 255>>, <<>>, <<"/">>, <<"/%FF">>},
            {<<"/a/b">>, <<"/c">>, <<"/a%2Fb">>, <<"/c">>, <<"/a%2Fb/c">>},
            {<<>>, <<"a.example:443">>, <<>>, <<"a.example:443">>, <<>>}]].

%% Who follows it asks for the same again, wherever the mount is.
a_url_leads_to_where_it_was_made_test_() ->
    gwport_gen:check(?FORALL({Path, Behind, Query}, {path(), integer(0, 8), oneof([<<>>, <<"q=1">>, <<"a%2Fb?c">>])},
        begin
            Of = fun(P, Q) ->
                gwport_environ:environ(request(#{<<"path">> => P, <<"path_info">> => Behind, <<"query">> => Q}))
            end,
            Environ = Of(Path, Query),
            <<"http://example.org:8080", Target/binary>> = gwport_gateway:url(Environ),
            [Again | Asked] = binary:split(Target, <<"?">>),
            Keys = [<<"SCRIPT_NAME">>, <<"PATH_INFO">>, <<"gwport.script_name">>, <<"gwport.path_info">>,
                <<"QUERY_STRING">>],
            maps:with(Keys, Environ) =:= maps:with(Keys, Of(Again, iolist_to_binary(Asked)))
        end)).

%% What is not raw is encoded so that it decodes to the same.
a_url_of_a_path_without_its_raw_form_decodes_to_it_test_() ->
    gwport_gen:check(?FORALL(Info, ?LET(Bytes, proper_types:binary(), <<"/", Bytes/binary>>),
        begin
            Environ = gwport_environ:environ(request(#{<<"query">> => <<>>})),
            <<"http://example.org:8080/shop", Raw/binary>> = gwport_gateway:url(Environ#{<<"PATH_INFO">> => Info}),
            Info =:= decoded(Raw) andalso re:run(Raw, "^[\\x21-\\x7e]+$", [{capture, none}]) =:= match
                andalso binary:match(Raw, [<<"?">>, <<"#">>]) =:= nomatch
        end)).

decoded(<<$%, H, L, Rest/binary>>) -> <<(binary_to_integer(<<H, L>>, 16)), (decoded(Rest))/binary>>;
decoded(<<C, Rest/binary>>) -> <<C, (decoded(Rest))/binary>>;
decoded(<<>>) -> <<>>.

%% Helpers

with_headers(Headers) ->
    gwport_environ:environ(request(#{<<"headers">> => Headers})).

request(With) ->
    maps:merge(#{<<"method">> => <<"GET">>, <<"path">> => <<"/shop/a%20b">>, <<"query">> => <<"q=1">>,
        <<"version">> => {1, 1}, <<"scheme">> => <<"http">>, <<"host">> => <<"example.org">>,
        <<"port">> => 8080, <<"peer">> => {<<"192.0.2.7">>, 51234}, <<"local">> => {<<"192.0.2.1">>, 8080},
        <<"headers">> => [{<<"host">>, <<"example.org:8080">>}], <<"path_info">> => 1}, With).

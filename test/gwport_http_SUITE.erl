%% What goes in as HTTP reaches a Go handler as it was sent, and what a Go handler answers reaches the
%% client as it was meant: on HTTP/1.1 and on HTTP/2 without TLS, with the bundled program.
-module(gwport_http_SUITE).

-compile([export_all, nowarn_export_all]).
-compile({no_auto_import, [get/1]}).

-include_lib("stdlib/include/assert.hrl").

-import(gwport_http_client, [open/1, close/1, ask/2, call/2, start/2, send/3, head/1, piece/2, rest/1,
    header/2, headers/2, lines/1, fields/1]).

-define(SIZES, [0, 1, 65535, 65536, 65537, 1048576, 5242880]).

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, h1}, {group, h2}, {group, h1_only}, {group, h2_only}],
        [{h1, [], both()}, {h2, [], both()}, {h1_only, [], h1_only()}, {h2_only, [], h2_only()}]).

both() -> [
    methods_reach_the_app_as_sent,
    the_target_reaches_the_app_as_sent,
    repeated_headers_are_joined_in_order,
    headers_with_odd_names_do_not_pose_as_variables,
    names_with_underscores_reach_the_app_unless_the_mount_drops_them,
    cookies_are_joined_with_semicolons,
    the_host_header_reaches_the_app_as_sent,
    the_peer_is_the_clients_address,
    nobody_is_believed_without_being_named,
    what_a_trusted_proxy_says_of_its_client_is_believed,
    what_stands_before_it_is_not,
    a_client_that_no_proxy_names_has_no_address,
    forwarded_is_believed_where_it_is_what_proxies_write,
    a_scheme_or_host_that_is_none_is_refused,
    the_length_of_a_body_is_known_or_unknown_as_the_client_said,
    a_body_of_known_length_comes_back_equal,
    a_body_of_unknown_length_comes_back_equal,
    the_response_begins_while_the_request_is_still_being_sent,
    a_hundred_continue_comes_when_the_app_reads,
    a_refused_expectation_is_answered_without_a_hundred_continue,
    a_request_body_that_the_app_does_not_read_keeps_nothing_from_going_on,
    a_response_can_end_before_its_request,

    a_small_response_is_whole_with_its_length,
    a_streamed_response_is_complete_without_a_length,
    a_streamed_response_keeps_the_length_it_declares,
    an_empty_response_has_length_zero,
    head_has_the_headers_of_get_and_no_body,
    statuses_without_a_body_have_none,
    odd_statuses_arrive_as_they_are,
    a_status_that_cannot_be_is_an_error,
    a_426_says_what_to_upgrade_to,
    repeated_response_headers_are_joined_in_order,
    cookies_that_are_set_stay_apart,
    values_may_have_any_bytes_but_line_breaks,
    line_breaks_in_a_value_do_not_split_the_response,
    a_name_that_is_no_token_does_not_reach_the_client,
    names_are_lower_case_for_the_client,
    date_and_server_are_added,
    the_apps_own_date_and_server_stay,
    a_date_that_is_empty_means_none,
    hop_by_hop_headers_do_not_reach_the_client,
    early_hints_come_before_the_response,
    cookies_may_come_early,

    a_body_of_max_body_passes_and_one_more_is_413,
    a_body_of_unknown_length_over_max_body_is_413,
    a_target_of_max_target_passes_and_one_more_is_414,
    max_fields_pass_and_one_more_is_431,
    names_and_values_of_max_header_pass_and_one_more_is_431,
    a_request_head_over_the_programs_limit_is_431,
    a_response_head_over_the_pools_limit_is_502,
    max_streams_are_served_and_one_more_is_503
].

h1_only() -> [
    the_peer_may_speak_http_1_0,
    a_target_in_absolute_form_loses_its_authority,
    options_of_the_server_itself_are_answered_for_the_app,
    connection_close_of_the_app_closes,
    connection_close_of_the_client_closes,
    trailers_go_to_a_client_that_takes_them,
    no_early_hints_on_http_1_0,
    a_short_refused_body_keeps_the_connection,
    a_body_of_which_much_is_left_closes_the_connection,
    a_long_body_closes_the_connection_of_a_cowboy_that_may_not_hear_what_follows,
    a_body_that_fits_in_cowboys_flow_keeps_the_connection,
    a_refused_expectation_closes_the_connection,
    a_long_body_closes_such_a_connection_of_http_1_0,
    a_request_behind_a_refused_body_is_served,
    pipelined_responses_keep_the_order_of_their_requests
].

h2_only() -> [
    trailers_go_along,
    connection_close_of_the_app_leaves_the_connection,
    many_streams_share_a_connection
].

init_per_group(Group, Config) when Group =:= h1; Group =:= h1_only -> [{proto, h1} | Config];
init_per_group(Group, Config) when Group =:= h2; Group =:= h2_only -> [{proto, h2} | Config];
init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Server = gwport_test:start(#{
        pool => #{max_streams => 20},
        routes => [
            fun(Pool) -> {"/small/[...]", #{pool => Pool, app => echo, max_body => 1000}} end,
            fun(Pool) -> {"/target/[...]", #{pool => Pool, app => environ, max_target => 100}} end,
            fun(Pool) -> {"/fields/[...]", #{pool => Pool, app => environ, max_fields => 10}} end,
            fun(Pool) -> {"/header/[...]", #{pool => Pool, app => environ, max_header => 200}} end,
            fun(Pool) -> {"/dashed/[...]", #{pool => Pool, app => environ, underscores => drop, max_fields => 2}} end,
            fun(Pool) -> {"/behind/[...]", #{pool => Pool, app => environ, trusted_proxies => ["127.0.0.1", "10.0.0.0/8"]}} end,
            fun(Pool) -> {"/rfc7239/[...]", #{pool => Pool, app => environ, trusted_proxies => ["127.0.0.0/8", "10.0.0.0/8"],
                trusted_fields => ["Forwarded"]}} end,
            fun(Pool) -> {"/beside/[...]", #{pool => Pool, app => environ, trusted_proxies => ["10.0.0.0/8", "192.0.2.7"]}} end,
            fun(Pool) -> {"/noapp", #{pool => Pool, app => nothing}} end,
            fun(_) -> {"/nopool", #{pool => nowhere}} end
        ],
        listener => #{max_header_value_length => 100000, max_frame_size_received => 262144,
            max_fragmented_header_block_size => 262144,
            max_keepalive => infinity}}),
    %% Its programs take few requests, or small heads: limits that a case runs into.
    Narrow = gwport_test:start(#{pool => #{max_streams => 3, max_head => 2048}}),
    [{server, Server}, {narrow, Narrow} | Config].

end_per_group(Mount, Config) when Mount =:= route; Mount =:= stream ->
    gwport_test:stop(proplists:get_value(server, Config)),
    gwport_test:stop(proplists:get_value(narrow, Config));
end_per_group(_, _) ->
    ok.

%% Requests

methods_reach_the_app_as_sent(Config) ->
    %% Methods are tokens, known to us or not, in the case that the client has chosen.
    Client = open(Config),
    [?assertMatch(#{<<"Method">> := Method, <<"REQUEST_METHOD">> := Method},
        fields(call(Client, #{method => Method, path => "/environ"})))
    || Method <- [<<"GET">>, <<"POST">>, <<"PUT">>, <<"PATCH">>, <<"DELETE">>, <<"OPTIONS">>, <<"PROPFIND">>,
        <<"M-SEARCH">>, <<"get">>, <<"Ab1!#$%&'*+.^_`|~">>]],
    close(Client).

the_target_reaches_the_app_as_sent(Config) ->
    %% Path and query are not decoded, completed or sorted on the way; the app has both forms of the path.
    Path = <<"/environ/a%2Fb/c%20d/%c3%A9;v=1/~x+y">>,
    Query = <<"b=2&a=1&&c=%20+%2f&d">>,
    Target = <<Path/binary, "?", Query/binary>>,
    Fields = fields(ask(Config, Target)),
    ?assertMatch(#{<<"REQUEST_URI">> := Target, <<"RequestURI">> := Target, <<"QUERY_STRING">> := Query,
        <<"URL">> := Target, <<"URL.RawPath">> := Path,
        <<"URL.Path">> := <<"/environ/a/b/c d/é;v=1/~x+y"/utf8>>,
        <<"SCRIPT_NAME">> := <<"/environ">>, <<"PATH_INFO">> := <<"/a/b/c d/é;v=1/~x+y"/utf8>>,
        <<"gwport.script_name">> := <<"/environ">>,
        <<"gwport.path_info">> := <<"/a%2Fb/c%20d/%c3%A9;v=1/~x+y">>}, Fields),
    ?assertMatch(#{<<"QUERY_STRING">> := <<>>, <<"REQUEST_URI">> := <<"/environ">>,
        <<"URL.RawPath">> := <<>>}, fields(ask(Config, "/environ"))).

repeated_headers_are_joined_in_order(Config) ->
    %% Cowboy hands over one value a name; the order within it is the client's.
    Fields = fields(ask(Config, #{path => "/environ", headers => [{<<"x-a">>, <<"1">>},
        {<<"x-b">>, <<"other">>}, {<<"x-a">>, <<"2, 3">>}, {<<"x-a">>, <<"4">>}, {<<"x-empty">>, <<>>}]})),
    ?assertMatch(#{<<"HTTP_X_A">> := <<"1, 2, 3, 4">>, <<"HTTP_X_B">> := <<"other">>,
        <<"HTTP_X_EMPTY">> := <<>>}, Fields).

headers_with_odd_names_do_not_pose_as_variables(Config) ->
    %% x_user must not become HTTP_X_USER, nor may a client set HTTP_PROXY for the app's children.
    Fields = fields(ask(Config, #{path => "/environ", headers => [{<<"x_user">>, <<"root">>},
        {<<"x.user">>, <<"root">>}, {<<"x~user">>, <<"root">>}, {<<"proxy">>, <<"http://evil">>},
        {<<"x-user">>, <<"me">>}]})),
    ?assertEqual(<<"me">>, maps:get(<<"HTTP_X_USER">>, Fields)),
    ?assertEqual([], [Key || Key <- maps:keys(Fields), string:find(Key, "PROXY") =/= nomatch]),
    ?assertEqual([], [Key || {Key, <<"root">>} <- maps:to_list(Fields)]).

names_with_underscores_reach_the_app_unless_the_mount_drops_them(Config) ->
    %% As under net/http by default. What is dropped counts for no limit; what no request may have is refused all the same.
    Fields = [{<<"x_user">>, <<"root">>}, {<<"x-user">>, <<"me">>}, {<<"_">>, <<"1">>}],
    Names = fun(Path) ->
        #{<<"Header">> := Header, <<"HTTP_X_USER">> := <<"me">>} = fields(ask(Config, #{path => Path, headers => Fields})),
        [Name || Name <- string:split(Header, ", ", all), Name =/= <<"User-Agent">>]
    end,
    ?assertEqual([<<"X-User">>, <<"X_user">>, <<"_">>], Names("/environ")),
    ?assertEqual([<<"X-User">>], Names("/dashed")),
    ?assertMatch(#{status := 400}, ask(Config, #{path => "/dashed", headers => [{<<"x_user">>, <<"a", 1>>}]})).

cookies_are_joined_with_semicolons(Config) ->
    %% Several cookie fields, as HTTP/2 clients send them, are one header for the app.
    ?assertMatch(#{<<"HTTP_COOKIE">> := <<"a=1; b=2,3; c=4">>}, fields(ask(Config, #{path => "/environ",
        headers => [{<<"cookie">>, <<"a=1">>}, {<<"cookie">>, <<"b=2,3">>}, {<<"cookie">>, <<"c=4">>}]}))).

the_host_header_reaches_the_app_as_sent(Config) ->
    %% SERVER_NAME and SERVER_PORT are taken from it; the header itself is not touched.
    Ask = fun(Host) -> fields(ask(Config, #{path => "/environ", headers => [{<<"host">>, Host}]})) end,
    ?assertMatch(#{<<"SERVER_NAME">> := <<"example.org">>, <<"SERVER_PORT">> := <<"8080">>,
        <<"gwport.url_scheme">> := <<"http">>, <<"TLS">> := <<"no">>},
        Ask(<<"example.org:8080">>)),
    ?assertMatch(#{<<"SERVER_NAME">> := <<"example.org">>, <<"SERVER_PORT">> := <<"80">>,
        <<"HTTP_HOST">> := <<"example.org">>, <<"Host">> := <<"example.org">>}, Ask(<<"example.org">>)),
    %% On HTTP/2 Cowboy hands it over in lower case.
    Mixed = case proplists:get_value(proto, Config) of h1 -> <<"Example.ORG:81">>; h2 -> <<"example.org:81">> end,
    ?assertMatch(#{<<"SERVER_NAME">> := <<"example.org">>, <<"SERVER_PORT">> := <<"81">>,
        <<"HTTP_HOST">> := Mixed, <<"Host">> := Mixed}, Ask(<<"Example.ORG:81">>)),
    ?assertMatch(#{<<"SERVER_NAME">> := <<"[::1]">>, <<"SERVER_PORT">> := <<"80">>}, Ask(<<"[::1]">>)).

the_peer_is_the_clients_address(Config) ->
    %% Address and port of the connection's other end, and the protocol that it speaks.
    Client = open(Config),
    Port = integer_to_binary(gwport_http_client:port(Client)),
    Fields = fields(call(Client, "/environ")),
    close(Client),
    RemoteAddr = <<"127.0.0.1:", Port/binary>>,
    ?assertMatch(#{<<"REMOTE_ADDR">> := <<"127.0.0.1">>, <<"REMOTE_PORT">> := Port,
        <<"RemoteAddr">> := RemoteAddr}, Fields),
    {Cgi, Go} = case proplists:get_value(proto, Config) of
        h1 -> {<<"HTTP/1.1">>, <<"HTTP/1.1">>};
        h2 -> {<<"HTTP/2">>, <<"HTTP/2.0">>}
    end,
    ?assertMatch(#{<<"SERVER_PROTOCOL">> := Cgi, <<"Proto">> := Go}, Fields).

nobody_is_believed_without_being_named(Config) ->
    %% By no mount without the option, nor where others are named. The app has the fields, as under net/http.
    Fields = said(<<"192.0.2.7">>) ++ [{<<"forwarded">>, <<"for=192.0.2.7;proto=https;host=shop.example">>}],
    [begin
        Seen = #{<<"Header">> := Header} = fields(ask(Config, #{path => Path, headers => Fields})),
        ?assertMatch({Path, #{<<"REMOTE_ADDR">> := <<"127.0.0.1">>, <<"RemoteAddr">> := <<"127.0.0.1:", _/binary>>,
            <<"gwport.url_scheme">> := <<"http">>, <<"SERVER_NAME">> := <<"localhost">>, <<"SERVER_PORT">> := <<"80">>,
            <<"Host">> := <<"localhost">>, <<"TLS">> := <<"no">>}}, {Path, Seen}),
        ?assertEqual([], [<<"Forwarded">>, <<"X-Forwarded-For">>, <<"X-Forwarded-Host">>, <<"X-Forwarded-Proto">>]
            -- string:split(Header, ", ", all))
    end || Path <- ["/environ", "/beside"]].

said(For) ->
    [{<<"x-forwarded-for">>, For}, {<<"x-forwarded-proto">>, <<"https">>}, {<<"x-forwarded-host">>, <<"Shop.example">>}].

what_a_trusted_proxy_says_of_its_client_is_believed(Config) ->
    %% Whatever it says, r.TLS is about the connection to us.
    ?assertMatch(#{<<"REMOTE_ADDR">> := <<"192.0.2.7">>, <<"REMOTE_PORT">> := <<"0">>, <<"RemoteAddr">> := <<"192.0.2.7:0">>,
        <<"gwport.url_scheme">> := <<"https">>, <<"SERVER_NAME">> := <<"shop.example">>, <<"SERVER_PORT">> := <<"443">>,
        <<"Host">> := <<"Shop.example">>, <<"HTTP_HOST">> := <<"Shop.example">>, <<"TLS">> := <<"no">>,
        <<"HTTP_X_FORWARDED_FOR">> := <<"192.0.2.7">>},
        fields(ask(Config, #{path => "/behind", headers => said(<<"192.0.2.7">>)}))),
    ?assertMatch(#{<<"RemoteAddr">> := <<"[2001:db8::7]:4711">>, <<"REMOTE_ADDR">> := <<"2001:db8::7">>,
        <<"REMOTE_PORT">> := <<"4711">>},
        fields(ask(Config, #{path => "/behind", headers => said(<<"[2001:db8::7]:4711">>)}))),
    %% A request of its own.
    ?assertMatch(#{<<"REMOTE_ADDR">> := <<"127.0.0.1">>, <<"Host">> := <<"localhost">>}, fields(ask(Config, "/behind"))).

what_stands_before_it_is_not(Config) ->
    %% What a client has sent, in the same line or others; and Forwarded, which these proxies pass on.
    [?assertMatch({Lines, #{<<"REMOTE_ADDR">> := <<"192.0.2.7">>, <<"gwport.url_scheme">> := <<"http">>,
            <<"Host">> := <<"localhost">>}},
        {Lines, fields(ask(Config, #{path => "/behind", headers => Lines
            ++ [{<<"forwarded">>, <<"for=6.6.6.6;proto=https;host=evil">>}]}))})
    || For <- [[<<"6.6.6.6">>, <<"192.0.2.7">>], [<<"6.6.6.6, 192.0.2.7">>], [<<"10.0.0.9">>, <<"192.0.2.7">>],
            [<<"6.6.6.6">>, <<"192.0.2.7, 10.0.0.2">>, <<"10.0.0.3">>], [<<"\"">>, <<"192.0.2.7">>]],
        Lines <- [[{<<"x-forwarded-for">>, Value} || Value <- For],
            [{<<"x-forwarded-for">>, Value} || Value <- For] ++ [{<<"x-forwarded-proto">>, <<"http">>}]]].

a_client_that_no_proxy_names_has_no_address(Config) ->
    %% It does not pass for the proxy.
    [?assertMatch({For, #{<<"REMOTE_ADDR">> := <<>>, <<"REMOTE_PORT">> := <<"0">>, <<"RemoteAddr">> := <<"@">>,
            <<"gwport.url_scheme">> := <<"https">>}},
        {For, fields(ask(Config, #{path => "/behind", headers => said(For)}))})
    || For <- [<<"unknown">>, <<"192.0.2.7, _hidden">>, <<"192.0.2.7, unknown, 10.0.0.2">>, <<"client.example">>,
        <<"192.0.2.7:port">>]].

forwarded_is_believed_where_it_is_what_proxies_write(Config) ->
    %% And nothing else then; what a client has not closed is its own.
    [?assertMatch({Lines, #{<<"RemoteAddr">> := <<"[2001:db8::7]:4711">>, <<"gwport.url_scheme">> := <<"https">>,
            <<"Host">> := <<"shop.example:8443">>, <<"SERVER_PORT">> := <<"8443">>}},
        {Lines, fields(ask(Config, #{path => "/rfc7239", headers => [{<<"forwarded">>, Line} || Line <- Lines]
            ++ [{<<"x-forwarded-for">>, <<"6.6.6.6">>}, {<<"x-forwarded-host">>, <<"evil">>}]}))})
    || Own <- [<<"For=\"[2001:db8::7]:4711\";Proto=https;Host=\"shop.example:8443\"">>],
        Lines <- [[Own], [<<"for=6.6.6.6">>, Own], [<<"for=\"6.6.6.6">>, Own],
            [Own, <<"for=10.0.0.2;proto=http;host=inside">>]]].

a_scheme_or_host_that_is_none_is_refused(Config) ->
    %% As one of the client's own would be.
    [?assertMatch({Field, #{status := Status}}, {Field, ask(Config, #{path => "/behind", headers => [Field]})})
    || {Status, Field} <- [{400, {<<"x-forwarded-proto">>, <<"ftp">>}}, {400, {<<"x-forwarded-host">>, <<"a/b">>}},
        {400, {<<"x-forwarded-host">>, <<"a:65536">>}}, {200, {<<"x-forwarded-host">>, <<"a:65535">>}},
        {200, {<<"x-forwarded-proto">>, <<"HTTP">>}}]].

the_length_of_a_body_is_known_or_unknown_as_the_client_said(Config) ->
    %% ContentLength is 0 for no body, and -1 for one whose length was not declared, as under net/http.
    None = fields(ask(Config, "/environ")),
    ?assertMatch(#{<<"ContentLength">> := <<"0">>}, None),
    ?assertNot(is_map_key(<<"CONTENT_LENGTH">>, None)),
    ?assertNot(is_map_key(<<"CONTENT_TYPE">>, None)),
    ?assertMatch(#{<<"ContentLength">> := <<"5">>, <<"CONTENT_LENGTH">> := <<"5">>,
        <<"CONTENT_TYPE">> := <<"text/x">>, <<"TransferEncoding">> := <<>>},
        fields(ask(Config, #{path => "/environ", body => <<"12345">>,
            headers => [{<<"content-type">>, <<"text/x">>}]}))),
    ?assertMatch(#{<<"ContentLength">> := <<"0">>, <<"CONTENT_LENGTH">> := <<"0">>},
        fields(ask(Config, #{path => "/environ", body => <<>>}))),
    Unknown = fields(ask(Config, #{path => "/environ", body => {unknown, [<<"12345">>]}})),
    ?assertMatch(#{<<"ContentLength">> := <<"-1">>}, Unknown),
    ?assertNot(is_map_key(<<"CONTENT_LENGTH">>, Unknown)).

a_body_of_known_length_comes_back_equal(Config) ->
    %% Around the sizes of chunks and windows, and beyond them.
    [?assertMatch({Size, #{status := 200, complete := true, body := Body}},
        {Size, ask(Config, #{path => "/echo", body => Body})})
    || Size <- sizes(Config), Body <- [lines(Size)]].

%% The client's window on HTTP/2 is 65535 bytes. Cowlib 2.9 loses the end of a stream that comes when the
%% window is used up exactly, with any handler, and the client waits in vain.
sizes(Config) ->
    case proplists:get_value(proto, Config) of
        h1 -> ?SIZES;
        h2 -> ?SIZES -- [65535]
    end.

a_body_of_unknown_length_comes_back_equal(Config) ->
    %% In pieces that fit no boundary of ours.
    [?assertMatch({Size, #{status := 200, complete := true, body := Body}},
        {Size, ask(Config, #{path => "/echo", body => {unknown, split(Body, 99991)}})})
    || Size <- sizes(Config), Body <- [lines(Size)]].

split(Body, Size) when byte_size(Body) =< Size -> [Body];
split(Body, Size) ->
    <<Piece:Size/binary, Rest/binary>> = Body,
    [Piece | split(Rest, Size)].

the_response_begins_while_the_request_is_still_being_sent(Config) ->
    %% Each piece comes back before the next one is sent: both directions at once, nothing is held back.
    Client = open(Config),
    Stream = start(Client, #{path => "/echo"}),
    send(Stream, nofin, <<"first">>),
    Head = #{status := 200} = head(Stream),
    ?assertEqual(<<"first">>, piece(Stream, 5)),
    [begin
        Piece = integer_to_binary(N),
        send(Stream, nofin, Piece),
        ?assertEqual(Piece, piece(Stream, byte_size(Piece)))
    end || N <- lists:seq(1, 20)],
    send(Stream, fin, <<"last">>),
    ?assertMatch(#{body := <<"last">>, complete := true}, rest({Stream, Head})),
    close(Client).

a_hundred_continue_comes_when_the_app_reads(Config) ->
    %% Nothing of the body is sent before 100 Continue, so the app's read must be what brings it.
    Client = open(Config),
    Stream = start(Client, #{path => "/upload",
        headers => [{<<"expect">>, <<"100-continue">>}, {<<"content-length">>, <<"5">>}]}),
    ok = await_continue(Stream),
    send(Stream, fin, <<"12345">>),
    Response = rest(Stream),
    ?assertMatch(#{status := 200, informs := []}, Response),
    ?assertNotEqual(nomatch, string:find(maps:get(body, Response), "\"bytes\":5")),
    ?assertMatch(#{status := 200}, call(Client, "/hello")),
    close(Client).

await_continue({h1, Socket, _}) ->
    {ok, <<"HTTP/1.1 100 Continue\r\n\r\n">>} = gen_tcp:recv(Socket, 25, 10000),
    ok;
await_continue({h2, Conn, Ref}) ->
    {inform, 100, _} = gwport_h2:await(Conn, Ref, 10000),
    ok.

a_refused_expectation_is_answered_without_a_hundred_continue(Config) ->
    %% An app that answers without reading has not asked for the body.
    Client = open(Config),
    Stream = start(Client, #{path => "/hello",
        headers => [{<<"expect">>, <<"100-continue">>}, {<<"content-length">>, <<"5">>}]}),
    ?assertMatch(#{status := 200, informs := [], body := <<"Hello from Go\n">>}, rest(Stream)),
    close(Client).

a_request_body_that_the_app_does_not_read_keeps_nothing_from_going_on(Config) ->
    %% The response is complete, and so are others beside it and after it.
    Body = lines(300000),
    [?assertMatch(#{status := 200, complete := true, body := <<"did not read\n">>},
        ask(Config, #{path => "/faults/never-read", body => B}))
    || B <- [Body, {unknown, [Body]}], _ <- lists:seq(1, 3)],
    ?assertMatch(#{status := 200}, ask(Config, "/hello")),
    gwport_test:until(fun() -> [0] =:= [N || #{in_flight := N} <- gwport_test:ports(server(Config))] end).

a_response_can_end_before_its_request(Config) ->
    %% The app is done with a request whose body never ends; the client has its answer at once.
    Client = open(Config),
    Stream = start(Client, #{path => "/hello"}),
    send(Stream, nofin, <<"and so on">>),
    ?assertMatch(#{status := 200, body := <<"Hello from Go\n">>, complete := true}, rest(Stream)),
    close(Client).

%% Responses

a_small_response_is_whole_with_its_length(Config) ->
    %% It travels as one frame; nobody had to wait to know its length.
    Response = ask(Config, "/hello"),
    ?assertMatch(#{status := 200, complete := true, body := <<"Hello from Go\n">>}, Response),
    ?assertEqual(<<"14">>, header(<<"content-length">>, Response)),
    ?assertEqual(<<"text/plain; charset=utf-8">>, header(<<"content-type">>, Response)),
    ?assertEqual(undefined, header(<<"transfer-encoding">>, Response)),
    ?assertEqual(undefined, header(<<"connection">>, Response)).

a_streamed_response_is_complete_without_a_length(Config) ->
    %% Chunked on HTTP/1.1, and just ended on HTTP/2; the connection goes on afterwards.
    Client = open(Config),
    Body = lines(300000),
    Response = call(Client, "/faults/write?bytes=300000&chunk=1000"),
    ?assertMatch(#{status := 200, complete := true, body := Body}, Response),
    ?assertEqual(undefined, header(<<"content-length">>, Response)),
    ?assertEqual(case proplists:get_value(proto, Config) of h1 -> <<"chunked">>; h2 -> undefined end,
        header(<<"transfer-encoding">>, Response)),
    ?assertMatch(#{status := 200}, call(Client, "/hello")),
    close(Client).

a_streamed_response_keeps_the_length_it_declares(Config) ->
    %% A length that the app gives is passed on, and then nothing is chunked.
    Client = open(Config),
    Body = lines(300000),
    Response = call(Client, "/faults/write?bytes=300000&length=1"),
    ?assertMatch(#{status := 200, complete := true, body := Body}, Response),
    ?assertEqual(<<"300000">>, header(<<"content-length">>, Response)),
    ?assertEqual(undefined, header(<<"transfer-encoding">>, Response)),
    ?assertMatch(#{status := 200}, call(Client, "/hello")),
    close(Client).

an_empty_response_has_length_zero(Config) ->
    %% A 200 without a byte says so.
    Response = ask(Config, "/faults/status?code=200"),
    ?assertMatch(#{status := 200, body := <<>>, complete := true}, Response),
    ?assertEqual(<<"0">>, header(<<"content-length">>, Response)).

head_has_the_headers_of_get_and_no_body(Config) ->
    %% Whole or streamed, with a length or without: and the connection can be used again.
    Client = open(Config),
    [begin
        Get = call(Client, Path),
        Head = call(Client, #{method => <<"HEAD">>, path => Path}),
        ?assertMatch({Path, #{status := 200, body := <<>>, complete := true}}, {Path, Head}),
        ?assertEqual({Path, stable(Get)}, {Path, stable(Head)})
    end || Path <- ["/hello", "/files/hello.txt", "/files/big?bytes=1000000", "/triple",
        "/faults/write?bytes=300000", "/faults/write?bytes=300000&length=1",
        "/faults/header?name=Set-Cookie&value=a=1"]],
    ?assertMatch(#{status := 200, body := <<"Hello from Go\n">>}, call(Client, "/hello")),
    close(Client).

%% The triple app names the method in its body; how a body is framed is no header of the app's.
stable(#{headers := Headers}) ->
    lists:sort([case Field of
        {<<"content-length">>, Length} -> {<<"content-length">>, byte_size(Length)};
        _ -> Field
    end || Field = {Name, _} <- Headers, Name =/= <<"date">>, Name =/= <<"transfer-encoding">>]).

statuses_without_a_body_have_none(Config) ->
    %% The app writes one all the same; it would be taken for the beginning of the next response.
    Client = open(Config),
    [begin
        Response = call(Client, ["/faults/status?text=body&code=", integer_to_list(Code)]),
        ?assertMatch(#{status := Code, body := <<>>, complete := true}, Response),
        ?assertEqual(undefined, header(<<"transfer-encoding">>, Response)),
        ?assertEqual(undefined, header(<<"content-length">>, Response)),
        ?assertMatch(#{status := 200, body := <<"Hello from Go\n">>}, call(Client, "/hello"))
    end || Code <- [204, 304]],
    close(Client).

odd_statuses_arrive_as_they_are(Config) ->
    %% Known to Cowboy or not: integers that it has no text for crash its connections if they get there.
    Client = open(Config),
    [?assertMatch({Code, #{status := Code, body := <<"odd">>, complete := true}},
        {Code, call(Client, ["/faults/status?text=odd&code=", integer_to_list(Code)])})
    || Code <- [200, 203, 207, 226, 299, 300, 306, 399, 400, 402, 418, 422, 429, 451, 499, 500, 511,
        599, 600, 999]],
    %% With net/http's texts.
    [?assertMatch({Code, #{reason := Reason}}, {Code, call(Client, ["/faults/status?code=", integer_to_list(Code)])})
        || proplists:get_value(proto, Config) =:= h1, {Code, Reason} <- [{299, <<"status code 299">>},
            {414, <<"Request URI Too Long">>}, {422, <<"Unprocessable Entity">>}, {404, <<"Not Found">>}]],
    close(Client).

a_426_says_what_to_upgrade_to(Config) ->
    %% It must (RFC 9110, 15.5.22), and names the field as one of the connection's. HTTP/2 has no such field; and no
    %% other response has it.
    Path = "/faults/header?name=Upgrade&value=HTTP/3.0&code=",
    Response = ask(Config, Path ++ "426"),
    ?assertMatch(#{status := 426, complete := true}, Response),
    ?assertEqual(case proplists:get_value(proto, Config) of
        h1 -> {<<"HTTP/3.0">>, <<"upgrade">>};
        h2 -> {undefined, undefined}
    end, {header(<<"upgrade">>, Response), header(<<"connection">>, Response)}),
    Fine = ask(Config, Path ++ "200"),
    ?assertMatch(#{status := 200}, Fine),
    ?assertEqual({undefined, undefined}, {header(<<"upgrade">>, Fine), header(<<"connection">>, Fine)}).

a_status_that_cannot_be_is_an_error(Config) ->
    %% WriteHeader panics for what is no status; 101 needs a connection that cannot be taken over.
    Client = open(Config),
    [?assertMatch({Code, #{status := Expected, complete := true}},
        {Code, call(Client, ["/faults/status?text=odd&code=", integer_to_list(Code)])})
    || {Code, Expected} <- [{0, 500}, {42, 500}, {1000, 500}, {101, 502}]],
    close(Client).

repeated_response_headers_are_joined_in_order(Config) ->
    %% Cowboy takes one value a name; the order within it is the app's.
    Response = ask(Config, "/faults/header?name=X-A&value=1&name=X-B&value=b&name=X-A&value=2,3&name=X-A&value=4"),
    ?assertEqual(<<"1, 2,3, 4">>, header(<<"x-a">>, Response)),
    ?assertEqual(<<"b">>, header(<<"x-b">>, Response)).

cookies_that_are_set_stay_apart(Config) ->
    %% They may hold commas, so they cannot be joined; their order stays.
    Response = ask(Config, "/faults/header?name=Set-Cookie&value=a=1%3b%20Expires=Thu,%2001%20Jan%202026%2000:00:00%20GMT"
        "&name=Set-Cookie&value=b=2&name=Set-Cookie&value=a=3"),
    ?assertEqual([<<"a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT">>, <<"b=2">>, <<"a=3">>],
        headers(<<"set-cookie">>, Response)).

values_may_have_any_bytes_but_line_breaks(Config) ->
    %% Latin-1, UTF-8, quotes, tabs: nothing is assumed about their encoding.
    Response = ask(Config, "/faults/header?name=X-A&value=%e9%20%c3%a9%09%22%5c%22&name=X-Empty&value="),
    ?assertEqual(<<233, " é\t\"\\\""/utf8>>, header(<<"x-a">>, Response)),
    ?assertEqual(<<>>, header(<<"x-empty">>, Response)).

line_breaks_in_a_value_do_not_split_the_response(Config) ->
    %% An app that copies what a client sent into a header cannot be made to send another header.
    Client = open(Config),
    [begin
        Response = call(Client, ["/faults/header?name=X-A&value=a", Break, "set-cookie:evil=1", Break, Break, "body"]),
        ?assertMatch(#{status := 200, body := <<"see the head\n">>}, Response),
        ?assertEqual([], headers(<<"set-cookie">>, Response)),
        %% As net/http does it: on HTTP/1 with spaces for the breaks, on HTTP/2 not at all.
        Spaces = binary:copy(<<" ">>, length(Break) div 3),
        Expected = #{h1 => [<<"a", Spaces/binary, "set-cookie:evil=1", Spaces/binary, Spaces/binary, "body">>], h2 => []},
        ?assertEqual(maps:get(proplists:get_value(proto, Config, h1), Expected), headers(<<"x-a">>, Response))
    end || Break <- ["%0d%0a", "%0a", "%0d"]],
    ?assertMatch(#{status := 200}, call(Client, "/hello")),
    close(Client).

a_name_that_is_no_token_does_not_reach_the_client(Config) ->
    %% As under net/http it is dropped, and the rest of the response stands.
    Client = open(Config),
    [begin
        Response = #{headers := Headers} = call(Client, ["/faults/header?name=", Name, "&value=x&name=X-A&value=a"]),
        ?assertMatch({Name, #{status := 200, body := <<"see the head\n">>}}, {Name, Response}),
        ?assertEqual(<<"a">>, header(<<"x-a">>, Response)),
        ?assertEqual([], [Field || Field = {_, <<"x">>} <- Headers])
    end || Name <- ["a%20b", "a%0d%0ab", "%c3%a9", "a:", "", ":status"]],
    close(Client).

names_are_lower_case_for_the_client(Config) ->
    %% Go's canonical names, and names of any case that an app has put into the map, are one spelling.
    Response = #{headers := Headers} = ask(Config, "/faults/header?name=X-UPPER&value=1&name=eTaG&value=2"),
    ?assertEqual(<<"1">>, header(<<"x-upper">>, Response)),
    ?assertEqual(<<"2">>, header(<<"etag">>, Response)),
    ?assertEqual([], [Name || {Name, _} <- Headers, string:lowercase(Name) =/= Name]).

date_and_server_are_added(Config) ->
    %% To whole responses, to streams, and to our own errors.
    [begin
        Response = ask(Config, Path),
        ?assertMatch({{_, _, _}, {_, _, _}},
            httpd_util:convert_request_date(binary_to_list(header(<<"date">>, Response)))),
        ?assertEqual(<<"Cowboy">>, header(<<"server">>, Response))
    end || Path <- ["/hello", "/faults/write?bytes=100000", "/faults/status?code=204",
        "/faults/status?code=101"]].

the_apps_own_date_and_server_stay(Config) ->
    %% Ours are not put over them, nor beside them.
    Response = ask(Config, "/faults/header?name=Date&value=Sun,%2006%20Nov%201994%2008:49:37%20GMT"
        "&name=Server&value=shop"),
    ?assertEqual([<<"Sun, 06 Nov 1994 08:49:37 GMT">>], headers(<<"date">>, Response)),
    ?assertEqual([<<"shop">>], headers(<<"server">>, Response)).

a_date_that_is_empty_means_none(Config) ->
    %% Header()["Date"] = nil is how a Go handler says so; the wire carries an empty value.
    Response = ask(Config, "/faults/header?name=Date&value="),
    ?assertMatch(#{status := 200}, Response),
    ?assertEqual([], headers(<<"date">>, Response)).

hop_by_hop_headers_do_not_reach_the_client(Config) ->
    %% The connection is Cowboy's: neither its fields nor those that it names are passed on.
    Client = open(Config),
    Response = call(Client, "/faults/header?name=Connection&value=keep-alive,%20X-Inner&name=X-Inner&value=1"
        "&name=Keep-Alive&value=timeout=5&name=Proxy-Connection&value=keep-alive&name=Te&value=trailers"
        "&name=Upgrade&value=h2c&name=X-A&value=a"),
    ?assertMatch(#{status := 200, complete := true, body := <<"see the head\n">>}, Response),
    ?assertEqual(<<"a">>, header(<<"x-a">>, Response)),
    [?assertEqual({Name, []}, {Name, headers(Name, Response)}) || Name <- [<<"connection">>, <<"x-inner">>,
        <<"keep-alive">>, <<"proxy-connection">>, <<"te">>, <<"upgrade">>]],
    %% Nor can an app chunk what Cowboy is going to frame.
    ?assertMatch(#{status := 200, complete := true, body := <<"see the head\n">>},
        call(Client, "/faults/header?name=Transfer-Encoding&value=chunked")),
    ?assertMatch(#{status := 200, complete := true, body := <<"see the head\n">>},
        call(Client, "/faults/header?name=Transfer-Encoding&value=gzip")),
    close(Client).

early_hints_come_before_the_response(Config) ->
    %% Informational responses are passed on when they are sent, each with its headers.
    Response = ask(Config, "/faults/informational?count=2"),
    ?assertMatch(#{status := 200, body := <<"hinted\n">>, informs := [{103, _}, {103, _}]}, Response),
    [?assertEqual([<<"</style.css>; rel=preload; as=style">>], headers(<<"link">>, Headers))
        || {103, Headers} <- maps:get(informs, Response)].

cookies_may_come_early(Config) ->
    %% What is set before an informational response goes with it, as under net/http, and with the response.
    Response = ask(Config, "/faults/informational?cookie=a=1&cookie=b=2"),
    ?assertMatch(#{status := 200, informs := [{103, _}]}, Response),
    [{103, Early}] = maps:get(informs, Response),
    [?assertEqual([<<"a=1">>, <<"b=2">>], lists:sort(headers(<<"set-cookie">>, From))) || From <- [Early, Response]].

%% Limits, at their edges

a_body_of_max_body_passes_and_one_more_is_413(Config) ->
    %% A length over the limit is refused before the app hears of the request.
    Most = lines(1000),
    ?assertMatch(#{status := 200, body := Most}, ask(Config, #{path => "/small", body => Most})),
    Served = served(Config),
    ?assertMatch(#{status := 413, complete := true},
        ask(Config, #{path => "/small", body => <<Most/binary, "x">>})),
    ?assertEqual(Served, served(Config)).

served(Config) ->
    [#{served := Served}] = gwport_test:ports(server(Config)),
    Served.

a_body_of_unknown_length_over_max_body_is_413(Config) ->
    %% Counted while it comes; the app has not answered yet, so the client can be told. (It has, with
    %% echo, as soon as it has read something: then the response is broken off.)
    Most = lines(1000),
    ?assertMatch(#{status := 200, body := Most},
        ask(Config, #{path => "/small", body => {unknown, split(Most, 100)}})),
    ?assertMatch(#{status := 413, complete := true},
        ask(Config, #{path => "/small", body => {unknown, [<<Most/binary, "x">>]}})),
    Client = open(Config),
    Stream = start(Client, #{path => "/small"}),
    send(Stream, nofin, <<"echoed">>),
    Head = #{status := 200} = head(Stream),
    ?assertEqual(<<"echoed">>, piece(Stream, 6)),
    send(Stream, fin, Most),
    ?assertMatch(#{complete := false}, rest({Stream, Head})),
    close(Client).

a_target_of_max_target_passes_and_one_more_is_414(Config) ->
    %% A `?` is a byte of it.
    [edge_of_limit({too_large_target, 414}, #{path => [Path, binary:copy(<<"a">>, 100 - iolist_size(Path))]},
        #{path => [Path, binary:copy(<<"a">>, 101 - iolist_size(Path))]}, Config)
        || Path <- ["/target/", "/target/x?", "/target?%20"]].

max_fields_pass_and_one_more_is_431(Config) ->
    %% Host is one of them, and what comes in several lines is one.
    Fields = fun(N) -> [{<<"x-", (integer_to_binary(I))/binary>>, <<"1">>} || I <- lists:seq(1, N)] end,
    edge_of_limit({too_many_fields, 431}, #{path => "/fields", headers => Fields(9)},
        #{path => "/fields", headers => Fields(10)}, Config),
    edge_of_limit({too_many_fields, 431},
        #{path => "/fields", headers => [{<<"x-1">>, <<"2">>}, {<<"x-1">>, <<"3">>} | Fields(9)]},
        #{path => "/fields", headers => [{<<"x-a">>, <<"2">>}, {<<"x-1">>, <<"3">>} | Fields(9)]}, Config).

names_and_values_of_max_header_pass_and_one_more_is_431(Config) ->
    %% `host` and `localhost` are 13 bytes, `x-a` is three.
    Field = fun(Size) -> [{<<"x-a">>, binary:copy(<<"a">>, Size)}] end,
    edge_of_limit({too_large_header, 431}, #{path => "/header", headers => Field(200 - 13 - 3)},
        #{path => "/header", headers => Field(200 - 13 - 3 + 1)}, Config).

%% No program hears of what is beyond a limit, and it is counted.
edge_of_limit({Reason, Status}, Within, Beyond, Config) ->
    ?assertMatch({Within, #{status := 200}}, {Within, ask(Config, Within)}),
    {Served, Failed} = {served(Config), failures(Reason, Config)},
    Text = gwport_status:text(Reason),
    ?assertMatch({Beyond, #{status := Status, complete := true, body := Text}}, {Beyond, ask(Config, Beyond)}),
    ?assertEqual({Served, Failed + 1}, {served(Config), failures(Reason, Config)}).

failures(Reason, Config) ->
    {ok, #{failures := Failures}} = gwport:counts(gwport_test:pool(server(Config))),
    maps:get(Reason, Failures, 0).

a_request_head_over_the_programs_limit_is_431(Config) ->
    %% The program takes heads of 65536 bytes. Cowboy's own limits are wider here.
    Client = open(Config),
    Status = fun(Size) ->
        #{status := S} = call(Client, #{path => "/hello", headers => [{<<"x-a">>, binary:copy(<<"a">>, Size)}]}),
        S
    end,
    Edge = edge(Status, 200, 60000, 70000),
    ?assertEqual({200, 431}, {Status(Edge), Status(Edge + 1)}),
    %% What the other parts of a request take is some hundred bytes.
    ?assert(Edge < 65536 - 200),
    ?assert(Edge > 65536 - 800),
    close(Client).

%% The largest size that still has this status.
edge(Status, Good, Low, High) when High - Low > 1 ->
    Middle = (Low + High) div 2,
    case Status(Middle) of
        Good -> edge(Status, Good, Middle, High);
        _ -> edge(Status, Good, Low, Middle)
    end;
edge(_, _, Low, _) ->
    Low.

a_response_head_over_the_pools_limit_is_502(Config0) ->
    %% max_head of the pool bounds what a program may send as a head; one byte more is not sent.
    Config = lists:keystore(server, 1, Config0, {server, proplists:get_value(narrow, Config0)}),
    Status = fun(Size) ->
        #{status := S} = ask(Config, ["/faults/header?name=X-A&value=", lists:duplicate(Size, $a)]),
        S
    end,
    Edge = edge(Status, 200, 1000, 3000),
    ?assertEqual({200, 502}, {Status(Edge), Status(Edge + 1)}),
    ?assert(Edge < 2048),
    ?assert(Edge > 2048 - 200).

max_streams_are_served_and_one_more_is_503(Config0) ->
    %% The one more is told to come back, and finds room when a client has left.
    Config = lists:keystore(server, 1, Config0, {server, proplists:get_value(narrow, Config0)}),
    ?assertMatch(#{status := 200}, ask(Config, "/hello")),
    Clients = [Client || _ <- [1, 2, 3], Client <- [open(Config)], is_tuple(slow(Client))],
    gwport_test:until(fun() -> [3] =:= [N || #{in_flight := N} <- gwport_test:ports(server(Config))] end),
    Refused = ask(Config, "/hello"),
    ?assertMatch(#{status := 503, complete := true}, Refused),
    ?assertEqual(<<"1">>, header(<<"retry-after">>, Refused)),
    close(hd(Clients)),
    gwport_test:until(fun() -> #{status := Status} = ask(Config, "/hello"), Status =:= 200 end),
    lists:foreach(fun gwport_http_client:close/1, tl(Clients)),
    gwport_test:until(fun() -> [0] =:= [N || #{in_flight := N} <- gwport_test:ports(server(Config))] end).

slow(Client) ->
    start(Client, #{method => <<"GET">>, path => "/faults/sleep?s=60",
        headers => [{<<"content-length">>, <<"0">>}]}).

%% HTTP/1.1 alone

the_peer_may_speak_http_1_0(Config) ->
    %% Without a Host the server's name is its address; a stream ends with the connection.
    ?assertMatch(#{<<"SERVER_PROTOCOL">> := <<"HTTP/1.0">>, <<"Proto">> := <<"HTTP/1.0">>,
        <<"SERVER_NAME">> := <<"127.0.0.1">>, <<"Host">> := _},
        fields(raw(Config, "GET /environ HTTP/1.0\r\n\r\n"))),
    Body = lines(100000),
    Response = raw(Config, "GET /faults/write?bytes=100000 HTTP/1.0\r\nhost: localhost\r\n\r\n"),
    ?assertMatch(#{status := 200, body := Body}, Response),
    ?assertEqual(undefined, header(<<"transfer-encoding">>, Response)).

%% What these bytes are answered with, on a connection that the server then closes.
raw(Config, Bytes) ->
    Client = {h1, Socket} = open(Config),
    gwport_test:send(Socket, Bytes),
    Response = rest({h1, Socket, <<"GET">>}),
    close(Client),
    Response.

a_target_in_absolute_form_loses_its_authority(Config) ->
    %% Proxies write it; the app sees what it would have seen without one.
    ?assertMatch(#{<<"RequestURI">> := <<"/environ/x?a=1">>, <<"Host">> := <<"localhost">>,
        <<"PATH_INFO">> := <<"/x">>},
        fields(raw(Config, "GET http://localhost/environ/x?a=1 HTTP/1.1\r\nhost: localhost\r\n\r\n"))).

options_of_the_server_itself_are_answered_for_the_app(Config0) ->
    %% `OPTIONS *` has no segments; only a route for everything takes it. As under net/http the
    %% server answers, and the app is not asked.
    Server = gwport_test:start(#{routes => [
        fun(Pool) -> {'_', #{pool => Pool, app => environ}} end]}),
    try
        Config = lists:keystore(server, 1, Config0, {server, Server}),
        Response = raw(Config, "OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        ?assertMatch(#{status := 200, body := <<>>}, Response),
        ?assertEqual(<<"0">>, header(<<"content-length">>, Response))
    after
        gwport_test:stop(Server)
    end.

connection_close_of_the_app_closes(Config) ->
    %% The only word of the connection's that an app has.
    {h1, Socket} = Client = open(Config),
    Response = call(Client, "/faults/header?name=Connection&value=close"),
    ?assertMatch(#{status := 200, body := <<"see the head\n">>}, Response),
    ?assertEqual(<<"close">>, header(<<"connection">>, Response)),
    ?assertEqual({error, closed}, gen_tcp:recv(Socket, 0, 5000)).

connection_close_of_the_client_closes(Config) ->
    %% After the response, which says so.
    {h1, Socket} = Client = open(Config),
    Response = call(Client, #{path => "/hello", headers => [{<<"connection">>, <<"close">>}]}),
    ?assertEqual(<<"close">>, header(<<"connection">>, Response)),
    ?assertEqual({error, closed}, gen_tcp:recv(Socket, 0, 5000)).

trailers_go_to_a_client_that_takes_them(Config) ->
    %% It says so with te: trailers. Announced or not, they come behind the last chunk.
    Client = open(Config),
    Response = call(Client, #{path => "/faults/trailers", headers => [{<<"te">>, <<"trailers">>}]}),
    ?assertMatch(#{status := 200, complete := true, body := <<"trailers follow\n">>}, Response),
    ?assertEqual([{<<"x-announced">>, <<"yes">>}, {<<"x-late">>, <<"yes">>}],
        lists:sort(maps:get(trailers, Response))),
    ?assertMatch(#{status := 200}, call(Client, "/hello")),
    close(Client).

no_early_hints_on_http_1_0(Config) ->
    %% A client of that version would take them for the response.
    ?assertMatch(#{status := 200, informs := [], body := <<"hinted\n">>},
        raw(Config, "GET /faults/informational HTTP/1.0\r\nhost: localhost\r\n\r\n")).

a_short_refused_body_keeps_the_connection(Config) ->
    %% Cowboy has all of it before anybody asks.
    Client = open(Config),
    [?assertMatch(#{status := Status}, call(Client, #{path => Path, body => lines(60000)}))
        || {Path, Status} <- [{"/hello", 200}, {"/small", 413}, {"/faults/panic", 500}, {"/hello", 200}]],
    close(Client).

a_body_of_which_much_is_left_closes_the_connection(Config) ->
    %% The response is whole, and says that the connection ends.
    {h1, Socket} = Client = open(Config),
    closed(Socket, long_body(Client, {"/hello", 200, 1000, 2000000})).

a_long_body_closes_the_connection_of_a_cowboy_that_may_not_hear_what_follows(Config) ->
    %% Read or not: when its flow control has stopped reading, Cowboy before 2.13 may overlook the next request.
    %% A later one serves it.
    [begin
        {h1, Socket} = Client = open(Config),
        Response = long_body(Client, Body),
        case gwport_test:cowboy({2, 13}) of
            false -> closed(Socket, Response);
            true -> goes_on(Client, Body, Response)
        end
    end || Body <- [{"/hello", 200, 10, 65536}, {"/small", 413, 10, 65536}, {"/faults/panic", 500, 10, 65536},
        {"/upload", 200, 300000, 300000}, {"/echo", 200, 300000, 300000}]].

long_body(Client, {Path, Status, Sent, Length}) ->
    Stream = start(Client, #{path => Path, headers => [{<<"content-length">>, integer_to_binary(Length)}]}),
    send(Stream, nofin, lines(Sent)),
    Response = rest(Stream),
    ?assertMatch({Path, #{status := Status, complete := true}}, {Path, Response}),
    Response.

closed(Socket, Response) ->
    ?assertEqual(<<"close">>, header(<<"connection">>, Response)),
    ?assertEqual({error, closed}, gen_tcp:recv(Socket, 0, 5000)).

goes_on(Client = {h1, Socket}, {Path, _, Sent, Length}, Response) ->
    ?assertEqual({Path, undefined}, {Path, header(<<"connection">>, Response)}),
    ok = gen_tcp:send(Socket, lines(Length - Sent)),
    ?assertMatch({Path, #{status := 200}}, {Path, call(Client, "/hello")}),
    close(Client).

a_body_that_fits_in_cowboys_flow_keeps_the_connection(Config) ->
    %% 65535 bytes of known length, one less if it is chunked; and more with a listener that says so
    %% (initial_stream_flow_size).
    Client = open(Config),
    [?assertMatch(#{status := 200, complete := true}, call(Client, #{path => Path, body => Body}))
        || Body <- [lines(65535), {unknown, [lines(65534)]}], Path <- ["/upload", "/hello", "/upload"],
            {Path, Body} =/= {"/hello", {unknown, [lines(65534)]}}],
    close(Client).

a_refused_expectation_closes_the_connection(Config) ->
    %% The client may send the body or not; what comes next could be taken for it, or it for what comes next.
    [begin
        {h1, Socket} = Client = open(Config),
        Stream = start(Client, #{path => Path,
            headers => [{<<"expect">>, <<"100-Continue">>}, {<<"content-length">>, <<"5000">>}]}),
        Response = rest(Stream),
        ?assertMatch(#{status := Status, informs := []}, Response),
        ?assertEqual(<<"close">>, header(<<"connection">>, Response)),
        ?assertEqual({error, closed}, gen_tcp:recv(Socket, 0, 5000))
    end || {Path, Status} <- [{"/hello", 200}, {"/small", 413}, {"/faults/panic", 500},
        {"/faults/write?bytes=100000", 200}]].

a_long_body_closes_such_a_connection_of_http_1_0(Config) ->
    %% Also one that was to be kept alive: Cowboy before 2.13 may miss what comes next.
    {h1, Socket} = Client = open(Config),
    ok = gen_tcp:send(Socket, ["POST /upload HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n"
        "content-length: 262144\r\n\r\n", binary:copy(<<"b">>, 262144)]),
    #{status := 200, headers := #{<<"connection">> := Connection}} = gwport_test:recv(Socket),
    case gwport_test:cowboy({2, 13}) of
        false ->
            ?assertEqual(<<"close">>, Connection),
            ?assertEqual({error, closed}, gen_tcp:recv(Socket, 0, 5000));
        true ->
            ?assertEqual(<<"keep-alive">>, Connection),
            ?assertMatch(#{status := 200}, call(Client, "/hello"))
    end,
    close(Client).

a_request_behind_a_refused_body_is_served(Config) ->
    %% In one packet: what stands behind a body that nobody wants is no part of it.
    [begin
        {h1, Socket} = Client = open(Config),
        ok = gen_tcp:send(Socket, ["POST ", Path, " HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n",
            binary:copy(<<"b">>, 1001), "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"]),
        ?assertMatch({Path, #{status := Status}}, {Path, gwport_test:recv(Socket)}),
        ?assertMatch({Path, #{status := 200}}, {Path, gwport_test:recv(Socket)}),
        close(Client)
    end || {Path, Status} <- [{"/small", 413}, {"/noapp", 500}, {"/nopool", 503}]].

pipelined_responses_keep_the_order_of_their_requests(Config) ->
    %% The first one takes longest, the others are ready before it.
    {h1, Socket} = Client = open(Config),
    gwport_test:send(Socket, [["GET ", Path, " HTTP/1.1\r\nhost: localhost\r\n\r\n"] || Path <-
        ["/faults/sleep?s=0.2", "/faults/write?bytes=200000", "/hello?name=one", "/faults/sleep?s=0.05",
            "/hello?name=two"]]),
    Body = lines(200000),
    ?assertMatch([<<"slept\n">>, Body, <<"Hello one from Go\n">>, <<"slept\n">>, <<"Hello two from Go\n">>],
        [maps:get(body, rest({h1, Socket, <<"GET">>})) || _ <- lists:seq(1, 5)]),
    close(Client).

%% HTTP/2 alone

trailers_go_along(Config) ->
    %% To a client that takes them: Cowboy 2.8 looks for te: trailers here as well.
    Response = ask(Config, #{path => "/faults/trailers", headers => [{<<"te">>, <<"trailers">>}]}),
    ?assertMatch(#{status := 200, complete := true, body := <<"trailers follow\n">>}, Response),
    ?assertEqual([{<<"x-announced">>, <<"yes">>}, {<<"x-late">>, <<"yes">>}],
        lists:sort(maps:get(trailers, Response))).

connection_close_of_the_app_leaves_the_connection(Config) ->
    %% It carries others' streams, and has no such header.
    Client = open(Config),
    Response = call(Client, "/faults/header?name=Connection&value=close"),
    ?assertMatch(#{status := 200, body := <<"see the head\n">>}, Response),
    ?assertEqual(undefined, header(<<"connection">>, Response)),
    ?assertMatch(#{status := 200}, call(Client, "/hello")),
    close(Client).

many_streams_share_a_connection(Config) ->
    %% Slow and quick ones, uploads and downloads, each with its own answer.
    {h2, Conn} = Client = open(Config),
    Body = lines(200000),
    Asked = [{gwport_h2:request(Conn, <<"POST">>, "/echo", [], Body), Body} || _ <- lists:seq(1, 5)]
        ++ [{gwport_h2:request(Conn, <<"GET">>, "/faults/sleep?s=0.2", []), <<"slept\n">>} || _ <- lists:seq(1, 5)]
        ++ [{gwport_h2:request(Conn, <<"GET">>, ["/hello?name=", integer_to_list(N)], []),
            iolist_to_binary(["Hello ", integer_to_list(N), " from Go\n"])} || N <- lists:seq(1, 5)],
    [?assertMatch(#{status := 200, complete := true, body := Expected}, rest({h2, Conn, Ref}))
        || {Ref, Expected} <- Asked],
    close(Client).

server(Config) ->
    proplists:get_value(server, Config).

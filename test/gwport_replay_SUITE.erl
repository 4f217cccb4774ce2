%% A request whose program dies goes to another one, once: where its app is known not to have been entered, or its method is
%% idempotent and its body whole, and nothing has come of a response. No other request is ever in two programs.
-module(gwport_replay_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

%% Longer than any case: who is answered by then was not told because its time was up.
-define(LONG, 80000).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, parallel}, nothing_leaks], [{parallel, [parallel], [
        what_no_app_had_is_answered_by_the_next_program, what_an_app_may_have_had_is_not_sent_again,
        an_idempotent_request_is_answered_by_the_next_program, an_idempotent_body_under_way_is_not_sent_again,
        a_body_under_way_goes_on, a_body_is_kept_up_to_a_bound, a_request_is_in_two_programs_at_most,
        a_response_that_has_begun_is_broken_off, a_stream_that_is_not_taken_takes_its_body_along,
        a_request_moves_twenty_times_at_most, a_connection_is_taken_over_by_the_next_program,
        a_connection_that_was_taken_over_is_not_sent_again, a_mount_may_have_none,
        a_client_that_leaves_meanwhile_is_forgotten, the_deadline_goes_on, what_finds_no_place_is_told_what_has_become_of_it,
        the_end_of_a_port_is_heard_once
    ]}]).

init_per_group(parallel, Config) ->
    Config;
init_per_group(Mount, Config) ->
    gwport_probe:watched(Mount, ["badport"], fun(Built) ->
        Server = replaying("good", #{}, #{}, Built),
        #{status := 200} = gwport_test:get(Server, "/ok"),
        gwport_probe:stop(Server)
    end, Config).

end_per_group(Group, Config) ->
    gwport_probe:unwatched(Group, Config).

init_per_testcase(_, Config) ->
    gwport_probe:hearing(Config).

end_per_testcase(_, _) ->
    ok.

nothing_leaks(Config) ->
    %% After all of that there is no process, port, table, program or file more than before.
    ?assertEqual([], gwport_probe:leaks(proplists:get_value(counts, Config))).

what_no_app_had_is_answered_by_the_next_program(Config) ->
    %% With one port, for whose program the request waits, and with two.
    [each(fun(Ask) ->
        Server = replaying("good", #{ports => Ports}, #{}, Config),
        ?assertEqual({200, <<"a body">>}, Ask(Server, <<"POST">>, "/dies-at/exit-1-6", <<"a body">>)),
        ?assertEqual({1, 1}, {died(Server), replays(Server)}),
        ?assertEqual({200, <<"ok\n">>}, Ask(Server, <<"POST">>, "/dies/exit-2", <<>>)),
        ?assertEqual({2, 2}, {died(Server), replays(Server)}),
        gwport_probe:stop(Server)
    end) || Ports <- [1, 2]].

what_an_app_may_have_had_is_not_sent_again(Config) ->
    %% The program has said so, or its output has no clean end, so that nobody knows.
    [each(fun(Ask) ->
        Server = replaying("good", #{}, #{}, Config),
        ?assertMatch({502, _}, Ask(Server, <<"POST">>, "/dies/" ++ How ++ "-9", <<>>)),
        ?assertEqual({1, 0}, {died(Server), replays(Server)}),
        gwport_probe:stop(Server)
    end) || How <- ["entered", "partial"]].

an_idempotent_request_is_answered_by_the_next_program(Config) ->
    [each(fun(Ask) ->
        Server = replaying("good", #{}, #{}, Config),
        ?assertEqual({200, <<"ok\n">>}, Ask(Server, <<"GET">>, "/dies/" ++ How ++ "-1", <<>>)),
        ?assertEqual({200, <<"a body">>}, Ask(Server, <<"PUT">>, "/dies-at/" ++ How ++ "-2-6", <<"a body">>)),
        ?assertEqual({2, 2}, {died(Server), replays(Server)}),
        gwport_probe:stop(Server)
    end) || How <- ["exit", "partial"]].

an_idempotent_body_under_way_is_not_sent_again(Config) ->
    %% The app may have done something with what there is of it.
    Server = replaying("good", #{}, #{}, Config),
    Socket = begun(Server, "PUT /dies-at/exit-9-4", "1234"),
    ?assertMatch(#{status := 502}, gwport_test:recv(Socket)),
    gwport_test:close(Socket),
    ?assertEqual({1, 0}, {died(Server), replays(Server)}),
    gwport_probe:stop(Server).

a_body_under_way_goes_on(Config) ->
    %% The next program has what the first one had, and what comes behind it.
    Server = replaying("good", #{}, #{}, Config),
    Socket = begun(Server, "POST /dies-at/exit-1-4", "1234"),
    gwport_test:until(fun() -> replays(Server) =:= 1 end),
    gwport_test:send(Socket, "567890"),
    ?assertMatch(#{status := 200, body := <<"1234567890">>}, gwport_test:recv(Socket)),
    gwport_test:close(Socket),
    Conn = gwport_test:h2_open(Server),
    Ref = gwport_h2:request(Conn, <<"POST">>, "/dies-at/exit-2-4", [], follows),
    gwport_h2:data(Conn, Ref, nofin, "1234"),
    gwport_test:until(fun() -> replays(Server) =:= 2 end),
    gwport_h2:data(Conn, Ref, fin, "567890"),
    ?assertMatch({response, nofin, 200, _}, gwport_h2:await(Conn, Ref, 30000)),
    ?assertEqual({ok, <<"1234567890">>}, gwport_h2:await_body(Conn, Ref, 30000)),
    gwport_h2:close(Conn),
    gwport_probe:stop(Server).

a_body_is_kept_up_to_a_bound(Config) ->
    %% The mount's replay_body, 65536 by default. What has more of it under way is answered as if it were not kept.
    [each(fun(Ask) ->
        Server = (replaying("good", #{}, Mount, Config))#{mount => Mount},
        Path = "/dies-at/exit-1-" ++ integer_to_list(Bytes),
        Body = binary:copy(<<"x">>, Bytes),
        {Status, Answer} = Ask(Server, <<"POST">>, Path, Body),
        ?assertEqual({Expected, Bytes}, {Status, Bytes}),
        ?assert(Expected =/= 200 orelse Answer =:= Body),
        ?assertEqual(1, died(Server)),
        gwport_probe:stop(Server)
    end) || {Mount, Bytes, Expected} <- [{#{}, 65536, 200}, {#{}, 65537, 503}, {#{replay_body => 1000}, 1000, 200},
        {#{replay_body => 1000}, 1001, 503}]].

a_request_is_in_two_programs_at_most(Config) ->
    %% The third one lives on, and the log has the request, without its query.
    [each(fun(Ask) ->
        Server = replaying("good", #{ports => 3}, #{}, Config),
        _ = gwport_probe:await_ports(Server, 3),
        ?assertMatch({502, _}, Ask(Server, Method, Path ++ "?secret", <<>>)),
        ?assertEqual({2, 1}, {died(Server), replays(Server)}),
        {error, Line, _} = gwport_probe:expect(Server, "two programs of pool"),
        ?assertNotEqual(nomatch, string:find(Line, [Method, " ", Path])),
        ?assertEqual(nomatch, string:find(Line, "secret")),
        gwport_probe:stop(Server)
    end) || {Method, Path} <- [{<<"GET">>, "/dies/exit-9"}, {<<"POST">>, "/dies/exit-9"}]].

a_response_that_has_begun_is_broken_off(Config) ->
    Server = replaying("good", #{}, #{}, Config),
    ?assertMatch(#{status := 200, complete := false}, gwport_test:get(Server, "/head-exit")),
    ?assertEqual(0, replays(Server)),
    gwport_probe:stop(Server).

a_stream_that_is_not_taken_takes_its_body_along(Config) ->
    %% The program drains, and says that it does not serve the stream whose body it has. That is no death.
    each(fun(Ask) ->
        Server = replaying("good", #{}, #{}, Config),
        ?assertEqual({200, <<"a body">>}, Ask(Server, <<"POST">>, "/dies-at/drain-3-6", <<"a body">>)),
        ?assertEqual({3, 0}, {died(Server), replays(Server)}),
        gwport_probe:stop(Server)
    end).

a_request_moves_twenty_times_at_most(Config) ->
    %% Each program that it comes to drains.
    [begin
        Server = replaying("good", #{}, #{}, Config),
        Path = "/dies/drain-" ++ integer_to_list(Count),
        ?assertMatch({Count, {Status, _}}, {Count, http1(Server, <<"POST">>, Path, <<>>)}),
        ?assertEqual(Count, died(Server)),
        gwport_probe:stop(Server)
    end || {Count, Status} <- [{20, 200}, {21, 503}]].

a_connection_is_taken_over_by_the_next_program(Config) ->
    %% What the client sent behind its request comes to that, and nothing came of it before.
    [begin
        Server = replaying("hijacks", #{}, #{}, Config),
        Socket = upgrading(Server, [Method, " /takes-over/", How, "-1"]),
        ?assertEqual({ok, <<"early">>}, gen_tcp:recv(Socket, 5)),
        ?assertEqual({error, closed}, gen_tcp:recv(Socket, 0)),
        ?assertEqual({1, 1}, {died(Server), replays(Server)}),
        gwport_test:close(Socket),
        gwport_probe:stop(Server)
    end || {Method, How} <- [{"GET", "exit"}, {"GET", "partial"}, {"POST", "exit"}]].

a_connection_that_was_taken_over_is_not_sent_again(Config) ->
    %% The program has said so, whether or not the connection was handed over when it died.
    Server = replaying("hijacks", #{}, #{}, Config),
    [begin
        Socket = upgrading(Server, "GET /takes-over-and-dies"),
        ?assertEqual({error, closed}, gen_tcp:recv(Socket, 0)),
        gwport_test:close(Socket)
    end || _ <- lists:seq(1, 10)],
    ?assertEqual({10, 0}, {died(Server), replays(Server)}),
    gwport_probe:stop(Server).

%% A request whose connection may be taken over, with something behind it.
upgrading(Server, Line) ->
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, [Line, " HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: bytes\r\n\r\nearly"]),
    Socket.

a_mount_may_have_none(Config) ->
    each(fun(Ask) ->
        Server = replaying("good", #{}, #{replay => false}, Config),
        ?assertMatch({502, _}, Ask(Server, <<"GET">>, "/dies/exit-9", <<>>)),
        gwport_test:until(fun() -> {200, <<"ok\n">>} =:= Ask(Server, <<"GET">>, "/ok", <<>>) end),
        ?assertMatch({503, _}, Ask(Server, <<"POST">>, "/dies/exit-9", <<>>)),
        ?assertEqual({2, 0}, {died(Server), replays(Server)}),
        gwport_probe:stop(Server)
    end, [fun http1/4, fun h2/4]).

a_client_that_leaves_meanwhile_is_forgotten(Config) ->
    %% Between two programs it waits like any other, and the next program does not hear of it.
    {Server, File} = late(#{}, Config),
    Socket = begun(Server, "POST /dies-at/exit-9-4", "1234"),
    queued(Server, 1),
    gwport_test:close(Socket),
    queued(Server, 0),
    ok = file:write_file(File, <<>>),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/ok")) =:= 200 end),
    ?assertEqual({1, 1}, {died(Server), replays(Server)}),
    gwport_probe:stop(Server).

the_deadline_goes_on(Config) ->
    {Server, _} = late(#{deadline => 1000}, Config),
    ?assertMatch(#{status := 504}, gwport_test:get(Server, "/dies/exit-9")),
    queued(Server, 0),
    gwport_probe:stop(Server).

what_finds_no_place_is_told_what_has_become_of_it(Config) ->
    %% An app may have been entered, or has not.
    [begin
        {Server = #{pool := Pool}, _} = late(#{}, #{queue_timeout => 200}, Config),
        ?assertMatch(#{status := Status}, gwport_test:request(Server, #{method => Method, path => "/dies/exit-9"})),
        {ok, #{failures := Failures}} = gwport:counts(Pool),
        ?assertEqual(#{Reason => 1}, Failures),
        gwport_probe:stop(Server)
    end || {Method, Status, Reason} <- [{<<"GET">>, 502, port_died}, {<<"POST">>, 503, not_entered}]].

the_end_of_a_port_is_heard_once(Config) ->
    %% The owner says so, and when it ends before its client has looked, its watch says it again. What the client hears
    %% comes under one tag: the second word is not the next port's.
    Server = #{pool := Pool} = replaying("good", #{ports => 2}, #{}, Config),
    _ = gwport_probe:await_ports(Server, 2),
    {ok, Mount} = gwport_mount_options:mount(#{pool => Pool}),
    {ok, Request, _} = gwport_call:request(#{path => "/dies/exit-1"}, Mount),
    Exchange = gwport_exchange:open(Request, Mount, tag, erlang:monotonic_time(millisecond)),
    receive {tag, Event = {gwport, {port_down, true, _}}} ->
        self() ! {tag, {gwport, {port_down, true, owner_down}}},
        {[], Again} = gwport_exchange:event(Event, erlang:monotonic_time(millisecond), Exchange),
        receive {tag, Reply} ->
            ?assertMatch({[{reply, #{code := 200}, <<"ok\n">>}, done], _},
                gwport_exchange:event(Reply, erlang:monotonic_time(millisecond), Again))
        end
    end,
    gwport_probe:stop(Server).

%% Helpers

%% A pool whose programs come up again at once, however often they end.
replaying(Life, Pool, Mount, Config) ->
    gwport_probe:bad(Life, #{pool => maps:merge(#{queue_timeout => ?LONG, restart_delay => 1, max_restart_delay => 20,
        circuit_failures => infinity}, Pool), mount => maps:merge(#{replay => true}, Mount)}, Config).

%% One whose second program waits for a file.
late(Mount, Config) ->
    late(Mount, #{}, Config).

late(Mount, Pool, Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config),
        "late_" ++ integer_to_list(erlang:unique_integer([positive]))),
    Script = "until [ ! -e \"$1\" ] || [ -e \"$0\" ]; do sleep 0.01; done; exec \"$2\" good \"$1\"",
    Starts = File ++ "_starts",
    Server = gwport_probe:serve(maps:merge(#{command => "sh", queue_timeout => ?LONG, restart_delay => 1,
        max_restart_delay => 20, circuit_failures => infinity,
        args => ["-c", Script, File, Starts, proplists:get_value(badport, Config)]}, Pool), Mount),
    {Server#{starts => Starts}, File}.

%% For each kind of client: of HTTP/1.1, of HTTP/2, and of none. It gives status and body.
each(Test) ->
    each(Test, [fun http1/4, fun h2/4, fun no_http/4]).

each(Test, Asks) ->
    lists:foreach(Test, Asks).

http1(Server, Method, Path, Body) ->
    #{status := Status, body := Answer} =
        gwport_test:request(Server, #{method => Method, path => Path, body => Body}),
    {Status, Answer}.

h2(Server, Method, Path, Body) ->
    Conn = gwport_test:h2_open(Server),
    Ref = gwport_h2:request(Conn, Method, Path, [], Body),
    {response, nofin, Status, _} = gwport_h2:await(Conn, Ref, 30000),
    {ok, Answer} = gwport_h2:await_body(Conn, Ref, 30000),
    gwport_h2:close(Conn),
    {Status, Answer}.

%% A mount's own default, as the caller gives none.
no_http(#{pool := Pool, mount := Mount}, Method, Path, Body) ->
    case gwport:request(Pool, #{method => Method, path => Path, body => Body}, Mount) of
        {ok, {Status, _, Answer}} -> {Status, Answer};
        {error, Reason} -> {gwport_status:status(Reason), <<>>}
    end;
no_http(Server, Method, Path, Body) ->
    no_http(Server#{mount => #{}}, Method, Path, Body).

%% A request of ten bytes, of which so many have been sent.
begun(Server, Line, Bytes) ->
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, [Line, " HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n", Bytes]),
    Socket.

%% How many programs have ended with a request.
died(#{starts := File}) ->
    {ok, Text} = file:read_file(File),
    length(binary:matches(Text, <<"died">>)).

replays(#{pool := Pool}) ->
    {ok, #{replays := Count}} = gwport:counts(Pool),
    Count.

queued(#{pool := Pool}, Count) ->
    gwport_test:until(fun() ->
        {_, #{queue := Queue}} = gwport:ready(Pool),
        Queue =:= Count
    end).

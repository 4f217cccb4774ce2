%% Requests that wait for a place: because all ports are full, or none is up just then. Each is answered in its turn, or at
%% once when there is nothing to wait for any more, whatever becomes of ports, pool and clients meanwhile.
-module(gwport_queue_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

%% Longer than any case: who is answered by then was not told because its time was up.
-define(LONG, 80000).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, parallel}, nobody_is_forgotten, nothing_leaks], [{parallel, [parallel], [
        waits_for_its_turn, a_body_waits_with_its_client, as_many_as_may_and_one_more, no_longer_than_it_may,
        who_may_not_wait_is_refused, the_deadline_goes_on, the_time_to_a_head_begins_with_the_place, a_client_that_leaves_is_forgotten,
        a_program_that_died_is_waited_for, a_pool_that_starts_is_waited_for,
        a_port_that_takes_nothing_is_waited_for, the_circuit_opens, the_pool_drains, the_pool_stops,
        the_pool_is_reloaded, the_pool_grows, the_pool_shrinks, the_keeper_is_killed, the_owner_is_killed,
        what_no_program_takes_gives_its_place_back, a_connection_that_is_taken_over_has_waited_and_keeps_its_place,
        ready_tells_the_truth,
        one_address_has_its_share, one_address_has_its_share_of_the_queue, what_is_taken_over_is_part_of_the_share,
        this_machine_has_no_share, a_share_comes_back_however_its_requests_end
    ]}]).

init_per_group(parallel, Config) ->
    Config;
init_per_group(Mount, Config) ->
    gwport_probe:watched(Mount, ["badport", "flowport"], fun(Built) ->
        Server = gwport_probe:flow(#{}, Built),
        #{status := 200} = gwport_test:get(Server, "/hello"),
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

waits_for_its_turn(Config) ->
    %% The port has one request, whose body is still to come. Others wait, and are answered when it has been.
    Server = narrow(#{}, Config),
    Upload = hold(Server),
    Answers = [waiting(Server, N) || N <- [1, 2, 3]],
    {ok, [#{queue := 3, in_flight := 1}]} = gwport:info(gwport_test:pool(Server)),
    ?assertMatch(#{status := 200}, finish(Upload)),
    [is_hello(Answer) || Answer <- Answers],
    nobody_waits(Server),
    ?assertMatch(#{waited := 3, full := 0, timeout := 0}, queue(Server)),
    gwport_probe:stop(Server).

a_body_waits_with_its_client(Config) ->
    Server = narrow(#{}, Config),
    Upload = hold(Server),
    Body = binary:copy(<<"0123456789">>, 30000),
    Answer = client(Server, #{method => <<"POST">>, path => "/echo", body => Body}),
    queued(Server, 1),
    _ = finish(Upload),
    ?assertMatch(#{status := 200, body := Body}, Answer()),
    gwport_probe:stop(Server).

as_many_as_may_and_one_more(Config) ->
    Server = narrow(#{max_queue => 2}, Config),
    Upload = hold(Server),
    Answers = [waiting(Server, N) || N <- [1, 2]],
    ?assertMatch(#{status := 503, headers := #{<<"retry-after">> := <<"1">>}}, gwport_test:get(Server, "/hello")),
    ?assertMatch(#{waited := 2, full := 1}, queue(Server)),
    _ = finish(Upload),
    [is_hello(Answer) || Answer <- Answers],
    is_hello(client(Server, #{path => "/hello"})),
    gwport_probe:stop(Server).

no_longer_than_it_may(Config) ->
    %% What waits is told when its time is up, what runs goes on, and what comes then is served.
    Server = #{pool := Pool} = narrow(#{queue_timeout => 50}, Config),
    Upload = hold(Server),
    ?assertMatch(#{status := 503, headers := #{<<"retry-after">> := <<"1">>}}, gwport_test:get(Server, "/hello")),
    ?assertMatch(#{waited := 1, timeout := 1}, queue(Server)),
    {ok, #{failures := #{busy := 1}}} = gwport:counts(Pool),
    nobody_waits(Server),
    _ = finish(Upload),
    is_hello(client(Server, #{path => "/hello"})),
    gwport_probe:stop(Server).

who_may_not_wait_is_refused(Config) ->
    Server = narrow(#{max_queue => 0}, Config),
    Upload = hold(Server),
    ?assertMatch(#{status := 503}, gwport_test:get(Server, "/hello")),
    ?assertMatch(#{waited := 0, full := 1}, queue(Server)),
    _ = finish(Upload),
    is_hello(client(Server, #{path => "/hello"})),
    gwport_probe:stop(Server).

the_deadline_goes_on(Config) ->
    %% It counts what a request waits, and ends that. What is left of it goes to the program.
    Server = narrow(#{}, #{}, [{"/soon", #{app => hello, deadline => 300}}], Config),
    Held = hold(Server),
    ?assertMatch(#{status := 504}, gwport_test:get(Server, "/soon")),
    nobody_waits(Server),
    _ = finish(Held),
    is_hello(client(Server, #{path => "/soon"})),
    gwport_probe:stop(Server).

the_time_to_a_head_begins_with_the_place(Config) ->
    %% It is over before there is a place, which is nobody's fault; and counts when there is one.
    Server = narrow(#{}, #{}, [{"/faults/[...]", #{app => faults, head_timeout => 200}},
        {"/soon", #{app => hello, deadline => 600}}], Config),
    Upload = hold(Server),
    Sleep = client(Server, #{path => "/faults/sleep?s=60"}),
    queued(Server, 1),
    ?assertMatch(#{status := 504}, gwport_test:get(Server, "/soon")),
    queued(Server, 1),
    _ = finish(Upload),
    ?assertMatch(#{status := 504}, Sleep()),
    is_hello(client(Server, #{path => "/hello"})),
    gwport_probe:stop(Server).

a_client_that_leaves_is_forgotten(Config) ->
    %% It leaves nothing, and those behind it have their turn.
    Server = narrow(#{}, Config),
    Upload = hold(Server),
    Sockets = [begin
        Socket = gwport_test:connect(Server),
        gwport_test:send(Socket, "GET /faults/sleep?s=60 HTTP/1.1\r\nhost: x\r\n\r\n"),
        queued(Server, N),
        Socket
    end || N <- [1, 2, 3]],
    Answer = waiting(Server, 4),
    [gwport_test:close(Socket) || Socket <- Sockets],
    queued(Server, 1),
    _ = finish(Upload),
    is_hello(Answer),
    nobody_waits(Server),
    gwport_probe:stop(Server).

a_program_that_died_is_waited_for(Config) ->
    %% The pool has one port. Requests that come before its program is up again wait for it, and none of them fails.
    {Server, File} = late(#{}, Config),
    ok = file:write_file(File, <<>>),
    [#{os_pid := OsPid}] = gwport_probe:await_ports(Server, 1),
    ok = file:delete(File),
    gwport_probe:os_kill("KILL", OsPid),
    gwport_test:until(fun() -> element(1, gwport_pool:choose(gwport_test:pool(Server))) =:= wait end),
    Answers = [client(Server, Request) || Request <- [#{path => "/ok"}, #{method => <<"POST">>, path => "/ok",
        body => "a body"}]],
    queued(Server, 2),
    ?assertMatch({not_ready, #{ports := 0, wanted := 1, queue := 2, circuit := closed}},
        gwport:ready(gwport_test:pool(Server))),
    ok = file:write_file(File, <<>>),
    [?assertMatch(#{status := 200, body := <<"ok\n">>}, Answer()) || Answer <- Answers],
    gwport_probe:stop(Server).

a_pool_that_starts_is_waited_for(Config) ->
    {Server, File} = late(#{greeting_timeout => 20}, Config),
    Answer = client(Server, #{path => "/ok"}),
    queued(Server, 1),
    ok = file:write_file(File, <<>>),
    ?assertMatch(#{status := 200, body := <<"ok\n">>}, Answer()),
    gwport_probe:stop(Server).

%% A server whose programs wait for a file before they are any. A pool's start waits for the first of them.
late(Pool, Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config),
        "late_" ++ integer_to_list(erlang:unique_integer([positive]))),
    Script = "until [ -e \"$0\" ]; do sleep 0.01; done; exec \"$1\" good",
    _ = [ok = file:write_file(File, <<>>) || Pool =:= #{}],
    {gwport_probe:serve(maps:merge(#{command => "sh", args => ["-c", Script, File, proplists:get_value(badport, Config)],
        queue_timeout => ?LONG, restart_delay => 1, max_restart_delay => 20, circuit_failures => infinity}, Pool), #{}), File}.

a_port_that_takes_nothing_is_waited_for(Config) ->
    %% The port died, or drains, between the choice and the open: here it is at its end when it hears of a request, and the
    %% keeper has not heard of that. The request is served by the port that comes behind it.
    Server = #{pool := Pool} = narrow(#{max_streams => 10}, Config),
    [#{owner := Owner, os_pid := OsPid}] = gwport_test:ports(Server),
    ok = sys:suspend(Owner),
    ok = gwport_port:drain(Owner),
    {ok, Handle} = gwport_pool:choose(Pool),
    Answer = client(Server, #{path => "/hello"}),
    gwport_test:until(fun() -> gwport_handle:under_way(Handle) =:= 1 end),
    ok = sys:resume(Owner),
    is_hello(Answer),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end),
    gwport_probe:stop(Server).

the_circuit_opens(Config) ->
    %% The next try is far away: who waits is told, and who comes is not to wait.
    Broken = #{pool := Name} = gwport_probe:bad("exit/1", #{pool => #{queue_timeout => ?LONG, restart_delay => 200,
        max_restart_delay => 200, circuit_failures => 3, circuit_time => 86400000}}, Config),
    Others = [client(Broken, #{path => "/ok"}) || _ <- [1, 2, 3]],
    [?assertMatch(#{status := 503, headers := #{<<"retry-after">> := <<"1">>}}, Other()) || Other <- Others],
    gwport_test:until(fun() -> {not_ready, #{ports => 0, wanted => 1, queue => 0, circuit => open}}
        =:= gwport:ready(Name) end),
    ?assertMatch(#{status := 503}, gwport_test:get(Broken, "/ok")),
    ?assertMatch(#{timeout := 0}, queue(Broken)),
    gwport_probe:stop(Broken).

the_pool_drains(Config) ->
    %% It takes nothing new: who waits is told, and what runs is finished.
    Server = #{pool := Pool} = narrow(#{}, Config),
    Upload = hold(Server),
    Answer = waiting(Server, 1),
    Self = self(),
    Drain = spawn_link(fun() -> Self ! {self(), gwport:drain(Pool)} end),
    ?assertMatch(#{status := 503}, Answer()),
    ?assertMatch(#{status := 503}, gwport_test:get(Server, "/hello")),
    ?assertMatch({not_ready, #{ports := 0, wanted := 0}}, gwport:ready(Pool)),
    ?assertMatch(#{status := 200}, finish(Upload)),
    receive {Drain, ok} -> ok end,
    ok = gwport:resize(Pool, 1),
    is_hello(client(Server, #{path => "/hello"})),
    gwport_probe:stop(Server).

the_pool_stops(Config) ->
    Server = #{pool := Pool, parent := Parent} = narrow(#{drain_timeout => 300}, Config),
    Upload = hold(Server),
    Answer = waiting(Server, 1),
    Monitor = erlang:monitor(process, Parent),
    Parent ! {stop, self()},
    ?assertMatch(#{status := 503}, Answer()),
    receive {'DOWN', Monitor, process, Parent, _} -> ok end,
    ?assertEqual({error, no_pool}, gwport:ready(Pool)),
    ?assertMatch(#{status := 503}, gwport_test:get(Server, "/hello")),
    gwport_test:close(Upload),
    ok = cowboy:stop_listener(Pool).

the_pool_is_reloaded(Config) ->
    %% The new port serves who waits, while the old one still has what it had.
    Server = #{pool := Pool} = narrow(#{}, Config),
    Upload = hold(Server),
    Answers = [waiting(Server, N) || N <- [1, 2]],
    {ok, _} = gwport:reload(Pool),
    [is_hello(Answer) || Answer <- Answers],
    ?assertMatch(#{status := 200}, finish(Upload)),
    %% So does one that has more options, by which nobody may wait any more.
    Second = hold(Server),
    Last = waiting(Server, 1),
    {ok, _} = gwport:reload(Pool, #{max_queue => 0}),
    is_hello(Last),
    ?assertMatch(#{status := 200}, finish(Second)),
    Third = hold(Server),
    ?assertMatch(#{status := 503}, gwport_test:get(Server, "/hello")),
    _ = finish(Third),
    is_hello(client(Server, #{path => "/hello"})),
    gwport_probe:stop(Server).

the_pool_grows(Config) ->
    Server = #{pool := Pool} = narrow(#{}, Config),
    Upload = hold(Server),
    Answer = waiting(Server, 1),
    ok = gwport:resize(Pool, 2),
    is_hello(Answer),
    _ = finish(Upload),
    gwport_probe:stop(Server).

the_pool_shrinks(Config) ->
    %% The port that is too many takes no one that waits when it is free; the other does.
    Server = #{pool := Pool} = narrow(#{ports => 2}, Config),
    _ = gwport_probe:await_ports(Server, 2),
    Uploads = [hold(Server, N) || N <- [1, 2]],
    Answer = waiting(Server, 1),
    ok = gwport:resize(Pool, 1),
    ?assertMatch({ready, #{ports := 1, wanted := 1, queue := 1}}, gwport:ready(Pool)),
    [?assertMatch(#{status := 200}, finish(Upload)) || Upload <- Uploads],
    is_hello(Answer),
    gwport_test:until(fun() -> length(gwport_test:ports(Server)) =:= 1 end),
    gwport_probe:stop(Server).

the_keeper_is_killed(Config) ->
    %% It takes the ports with it. Who waits is not of their requests, and is served by the next one.
    Server = #{pool := Pool} = narrow(#{}, Config),
    Upload = hold(Server),
    Answer = waiting(Server, 1),
    _ = gwport_attack:kill(keeper, Pool),
    is_hello(Answer),
    gwport_test:close(Upload),
    gwport_attack:stands(Pool),
    is_hello(client(Server, #{path => "/hello"})),
    gwport_probe:stop(Server).

the_owner_is_killed(Config) ->
    %% With what it has offered, or was about to.
    Server = #{pool := Pool} = narrow(#{}, Config),
    Upload = hold(Server),
    Answer = waiting(Server, 1),
    _ = gwport_attack:kill(owner, Pool),
    is_hello(Answer),
    gwport_test:close(Upload),
    gwport_probe:stop(Server).

what_no_program_takes_gives_its_place_back(Config) ->
    %% It is known when there is a port that an app is not there, or that a head is too large; who is behind it is served.
    Server = narrow(#{}, #{}, [{"/none", #{app => none}}], Config),
    Upload = hold(Server),
    None = client(Server, #{path => "/none"}),
    queued(Server, 1),
    Large = client(Server, #{path => "/hello", headers => [{"x" ++ integer_to_list(N), binary:copy(<<"v">>, 4000)}
        || N <- lists:seq(1, 20)]}),
    queued(Server, 2),
    Answer = waiting(Server, 3),
    _ = finish(Upload),
    ?assertMatch(#{status := 500}, None()),
    ?assertMatch(#{status := 431}, Large()),
    is_hello(Answer),
    nobody_waits(Server),
    gwport_probe:stop(Server).

a_connection_that_is_taken_over_has_waited_and_keeps_its_place(Config) ->
    %% What its client has sent early waits with it. Who is behind it has the place when the connection has ended.
    Server = narrow(#{}, #{}, [{"/takeover", #{app => 'gwport.check'}}], Config),
    Upload = hold(Server),
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, "GET /takeover HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: bytes\r\n\r\nearly"),
    queued(Server, 1),
    Answer = waiting(Server, 2),
    _ = finish(Upload),
    {ok, <<"early">>} = gen_tcp:recv(Socket, 5),
    queued(Server, 1),
    ok = gen_tcp:shutdown(Socket, write),
    {error, closed} = gen_tcp:recv(Socket, 0),
    is_hello(Answer),
    nobody_waits(Server),
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

ready_tells_the_truth(Config) ->
    %% There is room; there is none, but one may wait; there is not even that.
    Server = #{pool := Pool} = narrow(#{max_queue => 1}, Config),
    ?assertEqual({ready, #{ports => 1, wanted => 1, queue => 0, circuit => closed}}, gwport:ready(Pool)),
    Upload = hold(Server),
    ?assertEqual({ready, #{ports => 1, wanted => 1, queue => 0, circuit => closed}}, gwport:ready(Pool)),
    Answer = waiting(Server, 1),
    ?assertEqual({not_ready, #{ports => 1, wanted => 1, queue => 1, circuit => closed}}, gwport:ready(Pool)),
    _ = finish(Upload),
    is_hello(Answer),
    nobody_waits(Server),
    ?assertEqual({ready, #{ports => 1, wanted => 1, queue => 0, circuit => closed}}, gwport:ready(Pool)),
    ?assertEqual({error, no_pool}, gwport:ready(no_such_pool)),
    gwport_probe:stop(Server).

one_address_has_its_share(Config) ->
    %% Three of five places. Who wants a fourth is told so at once, while others find one; then it has its share again.
    Server = #{pool := Pool} = shared(#{}, Config),
    [First, Second, Third] = [hold(Server, N, from("192.0.2.1")) || N <- [1, 2, 3]],
    ?assertMatch(#{status := 503, headers := #{<<"retry-after">> := <<"1">>}}, hello(Server, "192.0.2.1")),
    ?assertMatch(#{status := 200}, hello(Server, "192.0.2.2")),
    Others = [hold(Server, 3 + N, from("2001:db8::1")) || N <- [1, 2]],
    {ok, #{failures := Failures, queue := #{waited := 0}}} = gwport:counts(Pool),
    ?assertEqual(#{busy => 1}, Failures),
    %% One that waited until then does not get a place that is beyond its share, and the one behind it does.
    Refused = from_client(Server, "192.0.2.1"),
    queued(Server, 1),
    Answer = from_client(Server, "192.0.2.2"),
    queued(Server, 2),
    _ = finish(hd(Others)),
    ?assertMatch(#{status := 503}, Refused()),
    is_hello(Answer),
    _ = finish(First),
    ?assertMatch(#{status := 200}, hello(Server, "192.0.2.1")),
    [finish(Upload) || Upload <- [Second, Third | tl(Others)]],
    gwport_probe:stop(Server).

one_address_has_its_share_of_the_queue(Config) ->
    %% Three of five that wait.
    Server = shared(#{max_queue => 5}, Config),
    Uploads = [hold(Server, N, from("192.0.2." ++ integer_to_list(N))) || N <- lists:seq(1, 5)],
    Answers = [begin
        Answer = from_client(Server, "198.51.100.1"),
        queued(Server, N),
        Answer
    end || N <- [1, 2, 3]],
    ?assertMatch(#{status := 503}, hello(Server, "198.51.100.1")),
    Other = from_client(Server, "198.51.100.2"),
    queued(Server, 4),
    [finish(Upload) || Upload <- Uploads],
    [is_hello(Answer) || Answer <- [Other | Answers]],
    nobody_waits(Server),
    gwport_probe:stop(Server).

what_is_taken_over_is_part_of_the_share(Config) ->
    Server = shared(#{}, Config),
    Sockets = taken_over(Server, from("192.0.2.1")),
    ?assertMatch(#{status := 503}, hello(Server, "192.0.2.1")),
    ?assertMatch(#{status := 200}, hello(Server, "192.0.2.2")),
    [gwport_test:close(Socket) || Socket <- Sockets],
    gwport_test:until(fun() -> [0] =:= [N || #{in_flight := N} <- gwport_test:ports(Server)] end),
    ?assertMatch(#{status := 200}, hello(Server, "192.0.2.1")),
    gwport_probe:stop(Server).

this_machine_has_no_share(Config) ->
    %% Who comes from here is a proxy, unless it says for whom it comes.
    [begin
        Server = shared(#{}, Config),
        Uploads = [hold(Server, N, Fields) || N <- [1, 2, 3, 4]],
        ?assertMatch({Fields, #{status := 200}}, {Fields, gwport_test:get(Server, "/hello")}),
        [finish(Upload) || Upload <- Uploads],
        gwport_probe:stop(Server)
    end || Fields <- ["", from("127.1.2.3"), from("::1"), from("unknown")]].

a_share_comes_back_however_its_requests_end(Config) ->
    %% They are answered, their clients leave or are killed, their program drains beside another one, their app has taken
    %% their connections over, their program is killed: nobody is counted then, and there is the same share again.
    Server = #{pool := Pool} = shared(#{}, Config),
    From = from("192.0.2.1"),
    Hold = fun() -> [hold(Server, N, From) || N <- [1, 2, 3]] end,
    Ends = [
        fun() -> [?assertMatch(#{status := 200}, finish(Upload)) || Upload <- Hold()] end,
        fun() -> [gwport_test:close(Upload) || Upload <- Hold()] end,
        fun() ->
            Uploads = Hold(),
            [exit(Pid, kill) || Pid <- ranch:procs(Pool, connections)],
            [gwport_test:close(Upload) || Upload <- Uploads]
        end,
        fun() ->
            Uploads = Hold(),
            {ok, _} = gwport:reload(Pool),
            %% It counts what the new program has.
            ?assertMatch(#{status := 200}, hello(Server, "192.0.2.1")),
            [?assertMatch(#{status := 200}, finish(Upload)) || Upload <- Uploads]
        end,
        fun() -> [gwport_test:close(Socket) || Socket <- taken_over(Server, From)] end,
        fun() ->
            Uploads = Hold(),
            gwport_probe:os_kill("KILL", gwport_test:os_pid(Server)),
            [?assertMatch(#{status := Status} when Status =:= 502; Status =:= 503, gwport_test:recv(Upload))
                || Upload <- Uploads],
            [gwport_test:close(Upload) || Upload <- Uploads]
        end],
    [begin
        _ = End(),
        gwport_test:until(fun() -> [#{in_flight => 0}] =:= [maps:with([in_flight], Port) || Port <- gwport_test:ports(Server)] end),
        gwport_test:until(fun() -> counted(Server) =:= [] end),
        Again = Hold(),
        ?assertEqual([{<<"192.0.2.1">>, 3}], counted(Server)),
        ?assertMatch(#{status := 503}, hello(Server, "192.0.2.1")),
        ?assertMatch(#{status := 200}, hello(Server, "192.0.2.2")),
        [finish(Upload) || Upload <- Again],
        gwport_test:until(fun() -> counted(Server) =:= [] end)
    end || End <- Ends],
    gwport_probe:stop(Server).

%% Who is counted, by the owners of all ports.
counted(Server) ->
    Owners = [Owner || #{owner := Owner} <- gwport_test:ports(Server)],
    lists:append([ets:tab2list(Table) || Table <- ets:all(), lists:member(ets:info(Table, owner), Owners)]).

taken_over(Server, Fields) ->
    [begin
        Socket = gwport_test:connect(Server),
        gwport_test:send(Socket, ["GET /takeover HTTP/1.1\r\nhost: x\r\n", Fields,
            "connection: upgrade\r\nupgrade: bytes\r\n\r\nearly"]),
        {ok, <<"early">>} = gen_tcp:recv(Socket, 5),
        Socket
    end || _ <- [1, 2, 3]].

nobody_is_forgotten(Config) ->
    %% Many more clients than places, some of which leave in the middle of it: all others are answered, and nobody waits
    %% beside a free place.
    Server = narrow(#{ports => 2, max_streams => 2}, Config),
    _ = gwport_probe:await_ports(Server, 2),
    Self = self(),
    Clients = [spawn_link(fun() -> Self ! {self(), crowd(N, 60, Server)} end) || N <- lists:seq(1, 40)],
    Seen = [receive {Client, Answers} -> Answers end || Client <- Clients],
    ?assertEqual([200], lists:usort(lists:append(Seen))),
    nobody_waits(Server),
    #{waited := Waited, timeout := 0, full := 0} = queue(Server),
    ?assert(Waited > 0),
    ct:pal("~b of ~b requests waited", [Waited, 40 * 60]),
    gwport_test:until(fun() -> [0, 0] =:= [N || #{in_flight := N} <- gwport_test:ports(Server)] end),
    gwport_probe:stop(Server).

%% Every fourth client leaves each request before it can have an answer.
crowd(N, Count, Server) when N rem 4 =:= 0 ->
    [begin
        Socket = gwport_test:connect(Server),
        gwport_test:send(Socket, "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"),
        gwport_test:close(Socket)
    end || _ <- lists:seq(1, Count)],
    [];
crowd(_, Count, Server) ->
    Socket = gwport_test:connect(Server),
    Answers = [maps:get(status, gwport_test:call(Socket, #{path => "/hello"})) || _ <- lists:seq(1, Count)],
    gwport_test:close(Socket),
    Answers.

%% Helpers

%% A server of one port with one place.
narrow(Pool, Config) ->
    narrow(Pool, #{}, Config).

narrow(Pool, Mount, Config) ->
    narrow(Pool, Mount, [], Config).

narrow(Pool, Mount, Routes, Config) ->
    gwport_probe:flow(#{pool => maps:merge(#{max_streams => 1, queue_timeout => ?LONG}, Pool), mount => Mount,
        routes => Routes}, Config).

%% A server of one port with five places, three of which may be of one address. A trusted proxy says which.
shared(Pool, Config) ->
    gwport_probe:flow(#{pool => maps:merge(#{max_streams => 5, peer_share => 60, queue_timeout => ?LONG}, Pool),
        mount => #{trusted_proxies => ["127.0.0.1"]}, routes => [{"/takeover", #{app => 'gwport.check', trusted_proxies => ["127.0.0.1"]}}]},
        Config).

from(Address) ->
    ["x-forwarded-for: ", Address, "\r\n"].

hello(Server, Address) ->
    (from_client(Server, Address))().

from_client(Server, Address) ->
    client(Server, #{path => "/hello", headers => [{"x-forwarded-for", Address}]}).

%% An upload that has a place until it is finished.
hold(Server) ->
    hold(Server, 1).

hold(Server, Count) ->
    hold(Server, Count, "").

hold(Server, Count, Fields) ->
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, ["PUT /upload HTTP/1.1\r\nhost: x\r\n", Fields, "content-length: 10\r\n\r\n12345"]),
    gwport_test:until(fun() -> Count =:= lists:sum([N || #{in_flight := N} <- gwport_test:ports(Server)]) end),
    Socket.

finish(Socket) ->
    gwport_test:send(Socket, "67890"),
    Answer = gwport_test:recv(Socket),
    gwport_test:close(Socket),
    Answer.

client(Server, Request) ->
    Self = self(),
    Mount = gwport_test:mount(),
    Pid = spawn_link(fun() ->
        gwport_test:mount_here(Mount),
        Self ! {self(), gwport_test:request(Server, Request)}
    end),
    fun() -> receive {Pid, Answer} -> Answer end end.

%% One more that waits, which makes so many.
waiting(Server, Count) ->
    Answer = client(Server, #{path => "/hello"}),
    queued(Server, Count),
    Answer.

queued(#{pool := Pool}, Count) ->
    gwport_test:until(fun() ->
        {_, #{queue := Queue}} = gwport:ready(Pool),
        Queue =:= Count
    end).

nobody_waits(Server) ->
    queued(Server, 0).

queue(#{pool := Pool}) ->
    {ok, #{queue := Queue}} = gwport:counts(Pool),
    Queue.

is_hello(Answer) ->
    ?assertMatch(#{status := 200, body := <<"Hello from Go\n">>}, Answer()).

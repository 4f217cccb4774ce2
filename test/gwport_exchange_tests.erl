%% An exchange with a real port: whatever becomes of a request is an event, the last command comes once, and behind it
%% nothing is left: no place at the port, no row of its watch, no message.
-module(gwport_exchange_tests).

-include_lib("eunit/include/eunit.hrl").

-define(TAG, {tag, of_ours}).

exchange_test_() ->
    {setup, fun() -> gwport_test:start_pool(#{}) end, fun gwport_test:stop_pool/1, fun(Pool) ->
        [{spawn, {atom_to_list(Name), {timeout, 30, fun() -> Fun(Pool) end}}} || {Name, Fun} <- [
            {a_whole_response_is_done, fun a_whole_response_is_done/1},
            {a_driver_is_told_of_a_time_that_is_far_away, fun a_driver_is_told_of_a_time_that_is_far_away/1},
            {a_process_that_has_one_in_its_life_is_told_its_tag, fun a_process_that_has_one_in_its_life_is_told_its_tag/1},
            {a_body_goes_as_it_is_asked_for, fun a_body_goes_as_it_is_asked_for/1},
            {a_refusal_is_an_event, fun a_refusal_is_an_event/1},
            {a_refusal_that_nobody_heard_is_not_left_behind, fun a_refusal_that_nobody_heard_is_not_left_behind/1},
            {a_driver_may_have_a_reason_of_its_own, fun a_driver_may_have_a_reason_of_its_own/1},
            {each_end_leaves_nothing_behind, fun each_end_leaves_nothing_behind/1},
            {a_client_that_is_killed_leaves_nothing_behind, fun a_client_that_is_killed_leaves_nothing_behind/1},
            {who_waits_is_served_in_turn, fun who_waits_is_served_in_turn/1},
            {what_is_left_of_a_deadline_goes_to_the_program, fun what_is_left_of_a_deadline_goes_to_the_program/1},
            {an_offer_that_is_not_taken_is_the_next_ones, fun an_offer_that_is_not_taken_is_the_next_ones/1},
            {who_has_waited_for_another_port_is_counted, fun who_has_waited_for_another_port_is_counted/1},
            {what_was_in_a_program_that_died_is_in_another_once, fun what_was_in_a_program_that_died_is_in_another_once/1},
            {what_was_entered_is_in_one_program, fun what_was_entered_is_in_one_program/1},
            {a_program_that_is_killed_is_not_noticed, fun a_program_that_is_killed_is_not_noticed/1},
            {a_connection_has_one_end_whoever_has_it, fun a_connection_has_one_end_whoever_has_it/1},
            {a_connection_ends_with_its_program_before_anybody_has_it,
                fun a_connection_ends_with_its_program_before_anybody_has_it/1},
            {a_client_may_be_closed_behind_its_end, fun a_client_may_be_closed_behind_its_end/1},
            {a_guard_that_is_not_called_off_is_late, fun a_guard_that_is_not_called_off_is_late/1}]]
    end}.

a_whole_response_is_done(Pool) ->
    {Said, _} = drive(open(#{path => "/hello"}, #{}, Pool)),
    ?assertMatch([{reply, #{code := 200}, <<"Hello from Go\n">>}, done], Said),
    is_clean(Pool).

a_process_that_has_one_in_its_life_is_told_its_tag(Pool) ->
    [begin
        Exchange = open(#{}, Options, Pool, ref),
        Tag = gwport_exchange:tag(Exchange),
        ?assert(is_reference(Tag)),
        receive {Tag, Event} -> ?assertMatch({[_ | _], _}, gwport_exchange:event(Event, 0, Exchange)) end,
        is_clean(Pool)
    end || Options <- [#{}, #{app => no_such_app}]].

a_body_goes_as_it_is_asked_for(Pool) ->
    Body = binary:copy(<<"0123456789">>, 40000),
    {Said, _} = drive(open(#{method => 'POST', path => "/echo", body => Body}, #{app => echo}, Pool), Body),
    ?assertEqual(Body, iolist_to_binary([Data || {data, _, Data} <- Said])),
    ?assertEqual(done, lists:last(Said)),
    is_clean(Pool).

a_refusal_is_an_event(Pool) ->
    [begin
        Exchange = open(Request, Options, To),
        receive {?TAG, Event} -> ?assertEqual({gwport, {refused, Reason}}, Event) end,
        ?assertMatch({[{refuse, Reason}], _}, gwport_exchange:event({gwport, {refused, Reason}}, 0, Exchange)),
        is_clean(Pool)
    end || {Reason, Request, Options, To} <- [
        {no_pool, #{}, #{}, no_such_pool},
        {no_app, #{}, #{app => no_such_app}, Pool},
        {too_large_body, #{method => 'POST', body => "12"}, #{max_body => 1}, Pool},
        {too_large_target, #{path => "/a?b"}, #{max_target => 3}, Pool},
        {too_many_fields, #{headers => [{a, "1"}]}, #{max_fields => 1}, Pool},
        {too_large_header, #{headers => [{a, "1"}]}, #{max_header => 14}, Pool},
        {too_large_head, #{headers => [{a, binary:copy(<<"x">>, 70000)}]}, #{}, Pool}]].

a_refusal_that_nobody_heard_is_not_left_behind(Pool) ->
    ok = gwport_exchange:close(open(#{}, #{app => no_such_app}, Pool)),
    is_clean(Pool).

a_driver_may_have_a_reason_of_its_own(Pool) ->
    ?assertMatch({[{refuse, bad_option}], _}, drive(gwport_exchange:refuse(bad_option, ?TAG))),
    is_clean(Pool).

each_end_leaves_nothing_behind(Pool) ->
    Sleep = #{path => "/faults/sleep?s=60", path_info => 1},
    [begin
        {Said, _} = drive(End(open(Request, Options#{app => faults}, Pool))),
        ?assertEqual({Last, Request}, {lists:last(Said), Request}),
        is_clean(Pool)
    end || {Last, Request, Options, End} <- [
        {done, #{path => "/faults/panic", path_info => 1}, #{}, fun(Exchange) -> Exchange end},
        {{break, app_failed}, #{path => "/faults/panic-late", path_info => 1}, #{}, fun(Exchange) -> Exchange end},
        {{fail, head_timeout}, Sleep, #{head_timeout => 10}, fun(Exchange) -> Exchange end},
        {{fail, app_failed}, Sleep, #{}, fun(Exchange) -> self() ! {?TAG, {gwport, {credit, wrong}}}, Exchange end},
        {{break, client_stalled}, Sleep, #{}, fun(Exchange) -> self() ! {?TAG, stalled}, Exchange end}]],
    %% One that its client leaves.
    ok = gwport_exchange:close(open(Sleep, #{app => faults}, Pool)),
    is_clean(Pool).

a_client_that_is_killed_leaves_nothing_behind(Pool) ->
    Self = self(),
    {Pid, Monitor} = spawn_monitor(fun() ->
        _ = open(#{path => "/faults/sleep?s=60", path_info => 1}, #{app => faults}, Pool),
        Self ! {self(), opened},
        receive stop -> ok end
    end),
    receive {Pid, opened} -> ok end,
    gwport_test:until(fun() -> in_flight(Pool) =:= 1 end),
    exit(Pid, kill),
    receive {'DOWN', Monitor, process, Pid, killed} -> ok end,
    is_clean(Pool).

%% A pool with one place, which is taken until the test frees it.
narrow(Test) ->
    Pool = gwport_test:start_pool(#{max_streams => 1, queue_timeout => 60000}),
    Holder = open(#{method => 'POST', path => "/echo", body => "x"}, #{app => echo}, Pool, holder),
    gwport_test:until(fun() -> in_flight(Pool) =:= 1 end),
    Test(Pool, fun() -> ok = gwport_exchange:close(Holder) end),
    is_clean(Pool),
    ?assertMatch({ready, #{queue := 0}}, gwport:ready(Pool)),
    gwport_test:stop_pool(Pool).

who_waits_is_served_in_turn(_) ->
    narrow(fun(Pool, Free) ->
        Tags = [{number, N} || N <- lists:seq(1, 20)],
        Waiting = maps:from_list([{Tag, open(#{path => "/hello"}, #{}, Pool, Tag)} || Tag <- Tags]),
        ?assertMatch({ready, #{queue := 20}}, gwport:ready(Pool)),
        Free(),
        ?assertEqual(Tags, served(Waiting, []))
    end).

%% Whose response is done, one after the other.
served(Waiting, Served) when map_size(Waiting) =:= 0 ->
    lists:reverse(Served);
served(Waiting, Served) ->
    receive
        {Tag, Event} when is_map_key(Tag, Waiting) ->
            case gwport_exchange:event(Event, now_ms(), maps:get(Tag, Waiting)) of
                {[], Exchange} -> served(Waiting#{Tag := Exchange}, Served);
                {[{reply, #{code := 200}, _}, done], _} -> served(maps:remove(Tag, Waiting), [Tag | Served])
            end
    end.

%% Of ten minutes, five hundred seconds were over when it came.
what_is_left_of_a_deadline_goes_to_the_program(_) ->
    narrow(fun(Pool, Free) ->
        {ok, Mount} = gwport_mount_options:mount(#{pool => Pool, app => environ, deadline => 600000}),
        {ok, Request, _} = gwport_call:request(#{path => "/environ"}, Mount),
        Exchange = gwport_exchange:open(Request, Mount, ?TAG, now_ms() - 500000),
        Free(),
        {[{reply, #{code := 200}, Body}, done], _} = drive(Exchange),
        {match, Found} = re:run(Body, "Context deadline: (\\d\\d):(\\d\\d):(\\d\\d)", [{capture, all_but_first, list}]),
        [Hour, Minute, Second] = [list_to_integer(Digits) || Digits <- Found],
        {_, Now} = calendar:universal_time(),
        Left = (calendar:time_to_seconds({Hour, Minute, Second}) - calendar:time_to_seconds(Now) + 86400) rem 86400,
        ?assert(Left > 40 andalso Left =< 101)
    end).

%% The first does not answer, as one whose process is stuck: the second has the place, and then the first.
an_offer_that_is_not_taken_is_the_next_ones(_) ->
    narrow(fun(Pool, Free) ->
        First = open(#{path => "/hello"}, #{}, Pool, first),
        Second = open(#{path => "/hello"}, #{}, Pool, second),
        Free(),
        ?assertEqual([second], served(#{second => Second}, [])),
        ?assertEqual([first], served(#{first => First}, []))
    end).

%% It is offered a place by one of two ports, which has gone when it takes that, and finds room at the other at once.
who_has_waited_for_another_port_is_counted(_) ->
    Pool = gwport_test:start_pool(#{ports => 2, max_streams => 1, queue_timeout => 60000}),
    gwport_test:until(fun() -> {_, #{ports := Ports}} = gwport:ready(Pool), Ports =:= 2 end),
    [First, Second] = [open(#{method => 'POST', path => "/echo", body => "x"}, #{app => echo}, Pool, {holder, N}) || N <- [1, 2]],
    gwport_test:until(fun() -> in_flight(Pool) =:= 2 end),
    Waiting = open(#{path => "/hello"}, #{}, Pool),
    ok = gwport_exchange:close(First),
    Room = {gwport, {room, Handle}} = receive {?TAG, Event} -> Event end,
    Watch = gwport_watch:follow(gwport_handle:watch(Handle)),
    exit(element(2, Handle), kill),
    receive {'DOWN', Watch, process, _, _} -> ok end,
    ok = gwport_exchange:close(Second),
    gwport_test:until(fun() -> element(1, gwport_pool:choose(Pool, [Handle])) =:= ok end),
    {[], Placed} = gwport_exchange:event(Room, now_ms(), Waiting),
    ?assertMatch({[{reply, #{code := 200}, _}, done], _}, drive(Placed)),
    ?assertMatch({ok, #{queue := #{waited := 1}, times := #{queue := #{count := 1}}}}, gwport:counts(Pool)),
    gwport_test:stop_pool(Pool).

%% A pool whose programs come up again at once, and so many of whose programs end. A client hears of an end before the
%% pool does: what it leaves is seen in the program that comes up behind the last of them.
mortal(Ends, Test) ->
    Pool = gwport_test:start_pool(#{restart_delay => 1, max_restart_delay => 20, queue_timeout => 60000}),
    try
        Test(Pool),
        gwport_test:until(fun() ->
            {ok, #{programs := #{up := Up}}} = gwport:counts(Pool),
            Up =:= Ends + 1 andalso element(1, gwport:ready(Pool)) =:= ready
        end),
        is_clean(Pool)
    after
        gwport_test:stop_pool(Pool)
    end.

what_was_in_a_program_that_died_is_in_another_once(_) ->
    mortal(2, fun(Pool) ->
        Exit = open(#{path => "/faults/exit?code=0", path_info => 1}, #{app => faults}, Pool),
        ?assertMatch({[{fail, port_died}], _}, drive(Exit)),
        ?assertMatch({ok, #{replays := 1, failures := #{port_died := 1}}}, gwport:counts(Pool))
    end).

what_was_entered_is_in_one_program(_) ->
    mortal(1, fun(Pool) ->
        Exit = open(#{method => 'POST', path => "/faults/exit?code=0", path_info => 1, body => "x"},
            #{app => faults}, Pool),
        ?assertMatch({[read, {fail, port_died}], _}, drive(Exit, <<"x">>)),
        ?assertMatch({ok, #{replays := 0}}, gwport:counts(Pool))
    end).

a_program_that_is_killed_is_not_noticed(_) ->
    mortal(1, fun(Pool) ->
        Sleep = open(#{path => "/faults/sleep?s=0.5", path_info => 1}, #{app => faults}, Pool),
        gwport_test:until(fun() -> in_flight(Pool) =:= 1 end),
        {ok, [#{os_pid := OsPid}]} = gwport:info(Pool),
        gwport_probe:os_kill("KILL", OsPid),
        ?assertMatch({[{reply, #{code := 200}, <<"slept\n">>}, done], _}, drive(Sleep)),
        ?assertMatch({ok, #{replays := 1}}, gwport:counts(Pool))
    end).

%% Who has made the offer does not know what has become of it.
a_connection_has_one_end_whoever_has_it(Pool) ->
    [begin
        {ok, #{failures := Before}} = gwport:counts(Pool),
        ?assertEqual([{101, <<"client_gone">>}], ends(fun() ->
            End(gwport_exchange:offer(taken_over(Pool)))
        end)),
        {ok, #{failures := After}} = gwport:counts(Pool),
        ?assertEqual(1, maps:get(client_gone, After) - maps:get(client_gone, Before, 0)),
        ?assertEqual(maps:remove(client_gone, Before), maps:remove(client_gone, After)),
        is_clean(Pool)
    end || End <- [
        fun(Offer) -> ok = gwport_exchange:withdraw(Offer), ok = gwport_exchange:withdraw(Offer) end,
        fun(Offer) ->
            {ok, Accepted} = gwport_exchange:accept(Offer),
            ok = gwport_exchange:withdraw(Offer),
            ok = gwport_exchange:close(Accepted)
        end]].

a_connection_ends_with_its_program_before_anybody_has_it(_) ->
    mortal(1, fun(Pool) ->
        ?assertEqual([{101, <<"port_died">>}], ends(fun() ->
            Offer = gwport_exchange:offer(taken_over(Pool)),
            {ok, [#{os_pid := OsPid}]} = gwport:info(Pool),
            gwport_probe:os_kill("KILL", OsPid),
            gwport_test:until(fun() -> {ok, #{programs := #{failed := Failed}}} = gwport:counts(Pool), Failed =:= 1 end),
            gone = gwport_exchange:accept(Offer),
            ok = gwport_exchange:withdraw(Offer)
        end)),
        ?assertMatch({ok, #{replays := 0, failures := #{port_died := 1}}}, gwport:counts(Pool))
    end).

%% An app has taken its client's connection over.
taken_over(Pool) ->
    {ok, Mount} = gwport_mount_options:mount(#{pool => Pool, app => 'gwport.check', access_log => json}),
    {ok, Request, _} = gwport_call:request(#{path => "/takeover"}, Mount),
    Exchange = gwport_exchange:open(Request#{<<"upgrade">> => true}, Mount, ?TAG, now_ms()),
    receive {?TAG, Event} ->
        {[takeover], TakenOver} = gwport_exchange:event(Event, now_ms(), Exchange),
        TakenOver
    end.

%% What the access log says meanwhile: status and reason of each request.
ends(Fun) ->
    Log = gwport_test:capture_log(),
    try Fun()
    after gwport_test:release_log(Log)
    end,
    [{status(Line), reason(Line)} || Line <- lines()].

status(Line) ->
    {match, [Status]} = re:run(Line, "\"status\":([0-9]+),", [{capture, all_but_first, binary}]),
    binary_to_integer(Status).

reason(Line) ->
    {match, [Reason]} = re:run(Line, "\"reason\":\"([a-z_]+)\"", [{capture, all_but_first, binary}]),
    Reason.

lines() ->
    receive
        {log_event, _, Line, #{domain := [gwport, access]}} -> [Line | lines()];
        {log_event, _, _, _} -> lines()
    after 0 -> []
    end.

a_client_may_be_closed_behind_its_end(Pool) ->
    {_, Exchange} = drive(open(#{path => "/hello"}, #{}, Pool)),
    ?assertEqual(ok, gwport_exchange:close(Exchange)),
    ?assertMatch({[], _}, gwport_exchange:event(stalled, 0, Exchange)),
    is_clean(Pool).

%% The watch gives the stream up when the time has come that nobody hears of.
a_guard_that_is_not_called_off_is_late(Pool) ->
    %% Not a deadline: the program has that one too, and may be sooner than the watch.
    Open = fun(Timeout) ->
        gwport_exchange:guard(keep, infinity, now_ms(), open(#{path => "/faults/sleep?s=60", path_info => 1},
            #{app => faults, head_timeout => Timeout}, Pool))
    end,
    {InTime, InTimeExchange} = gwport_exchange:unguard(Open(60000)),
    ?assert(InTime),
    ok = gwport_exchange:close(InTimeExchange),
    is_clean(Pool),
    Late = Open(10),
    %% The row is there from open on; a count of streams would be zero before the owner has read of it.
    gwport_test:until(fun() -> gwport_attack:rows(Pool) =:= [] end),
    {false, LateExchange} = gwport_exchange:unguard(Late),
    ok = gwport_exchange:close(LateExchange),
    is_clean(Pool).

%% What is ten seconds away or more is told, and what is nearer is the driver's to wait for.
a_driver_is_told_of_a_time_that_is_far_away(Pool) ->
    Sleep = #{path => "/faults/sleep?s=60", path_info => 1},
    Open = fun(Time, Since, Wake) ->
        {ok, Mount} = gwport_mount_options:mount(#{pool => Pool, app => faults, head_timeout => Time}),
        {ok, Request, _} = gwport_call:request(Sleep, Mount),
        gwport_exchange:open(Request, Mount, ?TAG, Since, Wake)
    end,
    Now = now_ms(),
    [begin
        Exchange = Open(Time, Now, Wake),
        ?assertEqual({Time, Wake, Needs}, {Time, Wake, gwport_exchange:needs_timer(Exchange)}),
        ok = gwport_exchange:close(Exchange)
    end || {Time, Wake, Needs} <- [{10000, Now + 10000, false}, {9999, Now + 10000, true}, {10000, Now + 9999, true},
        {10000, never, true}]],
    is_clean(Pool),
    %% One that came long ago.
    Told = Open(10000, Now - 10000, Now + 60000),
    receive {?TAG, {gwport, due}} -> ok end,
    ?assertMatch([{fail, head_timeout}], element(1, gwport_exchange:event(timeout, now_ms(), Told))),
    is_clean(Pool),
    %% One that has heard nothing of it yet.
    ok = gwport_exchange:close(Open(10000, Now - 10000, Now + 60000)),
    is_clean(Pool),
    %% A request that no port takes has its event already.
    {ok, Mount} = gwport_mount_options:mount(#{pool => Pool, head_timeout => 1, idle_timeout => 1}),
    Refused = gwport_exchange:open(#{<<"method">> => <<"no token">>, <<"path">> => <<"/">>, <<"query">> => <<>>,
        <<"version">> => {1, 1}, <<"scheme">> => <<"http">>, <<"host">> => <<>>, <<"port">> => 80, <<"headers">> => [],
        <<"path_info">> => 0}, Mount, ?TAG, Now, Now),
    ?assertNot(gwport_exchange:needs_timer(Refused)),
    ok = gwport_exchange:close(Refused),
    is_clean(Pool).

%% Helpers

open(Given, Options, Pool) ->
    open(Given, Options, Pool, ?TAG).

open(Given, Options, Pool, Tag) ->
    {ok, Mount} = gwport_mount_options:mount(maps:merge(#{pool => Pool, app => hello}, Options)),
    {ok, Request, _} = gwport_call:request(Given, Mount),
    gwport_exchange:open(Request, Mount, Tag, now_ms()).

drive(Exchange) ->
    drive(Exchange, <<>>).

%% All that the client is told, by a driver that has no client.
drive(Exchange, Body) ->
    receive
        {?TAG, Event} -> drive(gwport_exchange:event(Event, now_ms(), Exchange), [], Body)
    after gwport_exchange:timeout(now_ms(), Exchange) ->
        drive(gwport_exchange:event(timeout, now_ms(), Exchange), [], Body)
    end.

drive({Commands, Exchange}, Before, Body) ->
    Said = Before ++ Commands,
    case Commands =/= [] andalso lists:last(Commands) of
        false -> more(Said, drive(Exchange, Body));
        read -> drive(gwport_exchange:event({client, fin, Body}, now_ms(), Exchange), Said, Body);
        {data, nofin, _} -> drive(gwport_exchange:event(taken, now_ms(), Exchange), Said, Body);
        Last when Last =:= done; element(1, Last) =:= fail; element(1, Last) =:= refuse; element(1, Last) =:= break ->
            {Said, Exchange};
        _ -> more(Said, drive(Exchange, Body))
    end.

more(Said, {Rest, Exchange}) ->
    {Said ++ Rest, Exchange}.

is_clean(Pool) ->
    gwport_test:until(fun() -> {0, []} =:= {in_flight(Pool), gwport_attack:rows(Pool)} end),
    ?assertEqual({messages, []}, process_info(self(), messages)).

in_flight(Pool) ->
    {ok, Ports} = gwport:info(Pool),
    lists:sum([Count || #{in_flight := Count} <- Ports]).

now_ms() ->
    erlang:monotonic_time(millisecond).

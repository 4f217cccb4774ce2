%% The owner of one app's stream, by an exchange and without a web server: how far an app gets ahead of its client, and
%% what is left when either of them ends.
-module(gwport_run_tests).

-include_lib("eunit/include/eunit.hrl").

-define(TAG, {tag, of_ours}).
-define(BLOCK, 16384).

run_test_() ->
    {setup, fun() -> {ok, _} = application:ensure_all_started(gwport) end, [
        {spawn, {atom_to_list(Name), {timeout, 30, Fun}}} || {Name, Fun} <- [
            {an_app_is_ahead_of_its_client_by_a_window, fun an_app_is_ahead_of_its_client_by_a_window/0},
            {no_more_of_a_body_is_asked_for_than_the_app_reads,
                fun no_more_of_a_body_is_asked_for_than_the_app_reads/0},
            {a_body_is_asked_for_by_the_first_read, fun a_body_is_asked_for_by_the_first_read/0},
            {a_client_that_is_killed_ends_its_app, fun a_client_that_is_killed_ends_its_app/0},
            {an_app_that_traps_exits_has_a_grace, fun an_app_that_traps_exits_has_a_grace/0},
            {an_app_that_does_not_end_is_killed, fun an_app_that_does_not_end_is_killed/0},
            {an_owner_that_is_killed_ends_its_app_when_that_asks,
                fun an_owner_that_is_killed_ends_its_app_when_that_asks/0},
            {a_close_that_fails_is_told_and_harms_nobody, fun a_close_that_fails_is_told_and_harms_nobody/0},
            {a_request_is_checked_before_there_is_an_app, fun a_request_is_checked_before_there_is_an_app/0}]]}.

an_app_is_ahead_of_its_client_by_a_window() ->
    %% Four blocks fill it. Each that the client takes lets one more be asked for.
    Test = self(),
    Block = binary:copy(<<"x">>, ?BLOCK),
    {App, Exchange0} = opened(fun(_) ->
        Test ! {app, self()},
        {200, [], {fun(N) -> Test ! {asked, N}, {continue, Block, N + 1} end, 1}}
    end, #{}),
    waits(App),
    ?assertEqual([1, 2, 3, 4], asked_for()),
    {[{head, #{code := 200}}], Exchange1} = event(Exchange0),
    {[{data, nofin, Data}], Exchange2} = event(Exchange1),
    ?assertEqual(?BLOCK, iolist_size(Data)),
    {[], Exchange3} = event(Exchange2),
    {_, Exchange4} = gwport_exchange:event(taken, now_ms(), Exchange3),
    receive {asked, 5} -> ok end,
    waits(App),
    ?assertEqual([], asked_for()),
    gone([App], fun() -> gwport_exchange:close(Exchange4) end).

no_more_of_a_body_is_asked_for_than_the_app_reads() ->
    %% A window at first, and the next when half of it has been read.
    Test = self(),
    {App, Exchange0} = opened(fun(#{<<"gwport.input">> := Input}) ->
        Test ! {app, self()},
        reads(Input)
    end, #{method => 'POST', body => binary:copy(<<"x">>, 1000000)}),
    App ! read,
    {[read], Exchange1} = event(Exchange0),
    {[], Exchange2} = client(65536, Exchange1),
    read_more(32766, App),
    ?assertEqual([], credit()),
    App ! read,
    {[read], Exchange3} = event(Exchange2),
    {[], Exchange4} = client(32768, Exchange3),
    %% No byte beyond what was granted is sent to the owner.
    read_more(32767, App),
    ?assertEqual([], credit()),
    gone([App], fun() -> gwport_exchange:close(Exchange4) end).

%% Byte by byte, so that it is known how many there were.
reads(Input) ->
    receive read -> {ok, <<_>>} = Input(1), reads(Input) end.

read_more(Count, App) ->
    _ = [App ! read || _ <- lists:seq(1, Count)],
    gwport_test:until(fun() ->
        [{current_function, {?MODULE, reads, 1}}, {message_queue_len, 0}, {status, waiting}]
            =:= process_info(App, [current_function, message_queue_len, status])
    end).

credit() ->
    receive {?TAG, {gwport, {credit, N}}} -> [N]
    after 0 -> []
    end.

a_body_is_asked_for_by_the_first_read() ->
    Test = self(),
    {App, Exchange0} = opened(fun(#{<<"gwport.input">> := Input}) ->
        Test ! {app, self()},
        receive go -> ok end,
        Read = {Input(2), Input(2), Input(2)},
        Test ! {read, Read},
        {204, [], <<>>}
    end, #{method => 'POST', body => "abc"}),
    ?assertEqual([], credit()),
    App ! go,
    {[read], Exchange1} = event(Exchange0),
    {[], Exchange2} = gwport_exchange:event({client, fin, <<"abc">>}, now_ms(), Exchange1),
    ?assertEqual({{ok, <<"ab">>}, {ok, <<"c">>}, eof}, receive {read, Read} -> Read end),
    {[{reply, #{code := 204}, <<>>}, done], _} = event(Exchange2).

a_client_that_is_killed_ends_its_app() ->
    Test = self(),
    Client = spawn(fun() ->
        {_, _} = opened(fun(_) -> Test ! {app, self()}, receive never -> never end end, #{}, Test),
        receive never -> never end
    end),
    App = receive {app, Pid} -> Pid end,
    gone([App], fun() -> exit(Client, kill) end).

an_app_that_traps_exits_has_a_grace() ->
    %% In which it hears that it is to end, and whatever it asks for ends it.
    Test = self(),
    {App, Exchange} = opened(fun(#{<<"gwport.input">> := Input}) ->
        Test ! {app, self()},
        true = process_flag(trap_exit, true) =:= false,
        Test ! trapping,
        receive {'EXIT', _, Reason} -> Test ! {told, Reason} end,
        Input(1)
    end, #{method => 'POST', body => "abc"}),
    receive trapping -> ok end,
    gone([App], fun() -> gwport_exchange:close(Exchange) end),
    receive {told, Reason} -> ?assertEqual(shutdown, Reason) end.

an_app_that_does_not_end_is_killed() ->
    Test = self(),
    {App, Exchange} = opened(fun(_) ->
        _ = process_flag(trap_exit, true),
        Test ! {app, self()},
        receive never -> never end
    end, #{}),
    Monitor = erlang:monitor(process, App),
    ok = gwport_exchange:close(Exchange),
    receive {'DOWN', Monitor, process, _, Reason} -> ?assertEqual(killed, Reason) end.

an_owner_that_is_killed_ends_its_app_when_that_asks() ->
    Test = self(),
    {App, Exchange} = opened(fun(#{<<"gwport.input">> := Input}) ->
        Test ! {app, self()},
        Input(1)
    end, #{method => 'POST', body => "abc"}),
    waits(App),
    {monitors, [{process, Owner}]} = process_info(App, monitors),
    gone([App, Owner], fun() -> exit(Owner, kill) end),
    ok = gwport_exchange:close(Exchange).

a_close_that_fails_is_told_and_harms_nobody() ->
    Log = gwport_test:capture_log(),
    Test = self(),
    {App, Exchange0} = opened(fun(_) ->
        Test ! {app, self()},
        receive go -> {200, [], {fun(_) -> {stop, "all"} end, 1, fun() -> error({failing, "sesame"}) end}} end
    end, #{}),
    gone([App], fun() -> App ! go end),
    {[{head, _}], Exchange1} = event(Exchange0),
    {[{data, nofin, _}], Exchange2} = event(Exchange1),
    {[], Exchange3} = event(Exchange2),
    ?assertMatch({[{data, fin, <<>>}, done], _}, gwport_exchange:event(taken, now_ms(), Exchange3)),
    {error, Line, _} = gwport_test:expect_log("the close of an app's body failed: error failing"),
    gwport_test:release_log(Log),
    ?assertEqual(nomatch, string:find(Line, "sesame")).

a_request_is_checked_before_there_is_an_app() ->
    Test = self(),
    Exchange = open(fun(_) -> Test ! entered end, #{max_body => 2}, #{method => 'POST', body => "abc"}),
    ?assertMatch({[{refuse, too_large_body}], _}, event(Exchange)),
    ?assertEqual(none, receive entered -> entered after 0 -> none end).

%% Helpers

opened(App, Given) ->
    opened(App, Given, self()).

opened(App, Given, Test) ->
    Exchange = open(App, #{}, Given),
    case Test =:= self() of
        true -> receive {app, Pid} -> {Pid, Exchange} end;
        false -> {none, Exchange}
    end.

open(App, Options, Given) ->
    {ok, Mount} = gwport_mount_options:mount(Options#{run => App}),
    {ok, Request, _} = gwport_call:request(Given, Mount),
    gwport_exchange:open(Request, Mount, ?TAG, now_ms()).

event(Exchange) ->
    receive {?TAG, Event} -> gwport_exchange:event(Event, now_ms(), Exchange) end.

client(Bytes, Exchange) ->
    gwport_exchange:event({client, nofin, binary:copy(<<"x">>, Bytes)}, now_ms(), Exchange).

%% The app's process asks its owner for something that is not there yet.
waits(App) ->
    gwport_test:until(fun() ->
        [{current_function, {gwport_run_app, ask, 2}}, {status, waiting}]
            =:= process_info(App, [current_function, status])
    end).

asked_for() ->
    receive {asked, N} -> [N | asked_for()]
    after 0 -> []
    end.

gone(Pids, Fun) ->
    Monitors = [erlang:monitor(process, Pid) || Pid <- Pids],
    _ = Fun(),
    _ = [receive {'DOWN', Monitor, process, _, _} -> ok end || Monitor <- Monitors],
    ok.

now_ms() ->
    erlang:monotonic_time(millisecond).

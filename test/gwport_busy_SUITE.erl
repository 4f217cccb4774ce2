%% gwport_writer under stress: its owner writes with `nosuspend` while the port takes it, and hands what the port does not
%% take to another process, which the port may suspend. Whatever the program does, and however often that is, all
%% arrives, in order, and the owner is never suspended.
-module(gwport_busy_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

%% Pieces are cut out of this.
-define(TEXT_BYTES, 262144).
%% What ends a run: so many times the port was busy, or so many bytes.
-define(HANDED, 700).
-define(BYTES, 400000000).

suite() ->
    [{timetrap, {seconds, 90}}].

all() ->
    [the_owner_writes_after_512_messages, all_arrives_in_order, the_owner_is_never_suspended, a_port_that_is_closed_is_written_to_no_more].

the_owner_writes_after_512_messages(_) ->
    %% It takes no more out of its mailbox before it writes, and all of that goes in one write.
    ?assertEqual([512], opens_in_writes(512)),
    ?assertEqual([512, 1], opens_in_writes(513)).

%% How many opens each write has, of so many that the owner finds in its mailbox.
opens_in_writes(Count) ->
    Server = #{pool := Pool} = gwport_test:start(#{pool => #{ping_interval => 60000}}),
    {ok, Mount} = gwport_mount_options:mount(#{pool => Pool, app => hello}),
    {ok, Request, _} = gwport_call:request(#{path => "/hello"}, Mount),
    {ok, Encoded} = gwport_request:encode(Request, 65536),
    {ok, Handle} = gwport_pool:choose(Pool),
    Owner = gwport_attack:find(owner, Pool),
    1 = erlang:trace_pattern({gwport_writer, write, 2}, true, [local]),
    1 = erlang:trace(Owner, true, [call]),
    true = erlang:suspend_process(Owner),
    lists:foreach(fun(N) -> {ok, _} = gwport_handle:open(Handle, Encoded, {stream, N}, infinity, none) end, lists:seq(1, Count)),
    true = erlang:resume_process(Owner),
    lists:foreach(fun(N) -> receive {{stream, N}, {gwport, {reply, _, _}}} -> ok end end, lists:seq(1, Count)),
    1 = erlang:trace(Owner, false, [call]),
    1 = erlang:trace_pattern({gwport_writer, write, 2}, false, [local]),
    gwport_test:stop(Server),
    writes(Owner).

writes(Owner) ->
    receive
        {trace, Owner, call, {gwport_writer, write, [[_, Opens | _], _]}} ->
            [length(Opens) || Opens =/= []] ++ writes(Owner)
    after 0 -> []
    end.

all_arrives_in_order(_) ->
    %% A program that stops and goes on all the time, with limits from small to 1 MiB.
    Handed = [begin
        Seen = #{handed := Count} = aside(fun run/1, [{busy_limits_port, {High div 2, High}} | More]),
        ct:pal("busy at ~b bytes ~p: ~p", [High, More, Seen]),
        Count
    end || High <- [1024, 65536, 1048576], More <- [[{busy_limits_msgq, disabled}], []]],
    ?assert(lists:sum(Handed) > 2000).

the_owner_is_never_suspended(_) ->
    aside(fun never_suspended/1, [{busy_limits_port, {512, 1024}}, {busy_limits_msgq, disabled}]).

never_suspended(Options) ->
    %% A program that does not read: its owner goes on all the same, and the other process waits alone.
    {Port, OsPid} = program(Options),
    {links, Before} = erlang:process_info(self(), links),
    Writer0 = gwport_writer:start_link(Port),
    {links, After} = erlang:process_info(self(), links),
    [Pid] = After -- Before,
    ?assert(gwport_writer:is_writer(Pid, Writer0)),
    gwport_probe:os_kill("STOP", OsPid),
    gwport_probe:await_stopped(OsPid),
    Text = text(),
    {Count, Writer} = fill(Text, 1, Writer0),
    gwport_test:until(fun() -> {status, suspended} =:= erlang:process_info(Pid, status) end),
    receive {gwport_writer, through} -> error(not_suspended) after 0 -> ok end,
    gwport_probe:os_kill("CONT", OsPid),
    receive {gwport_writer, through} -> ok end,
    ?assert(gwport_writer:is_free(gwport_writer:through(Writer))),
    ?assertEqual(Count * byte_size(Text), received(Port, Count * byte_size(Text), 0)).

fill(Text, Count, Writer) ->
    {ok, Writer1} = gwport_writer:write(Text, Writer),
    case gwport_writer:is_free(Writer1) of
        true -> fill(Text, Count + 1, Writer1);
        false -> {Count, Writer1}
    end.

a_port_that_is_closed_is_written_to_no_more(_) ->
    aside(fun closed/1, []).

%% Neither by its owner nor by the process that waits, which ends.
closed(Options) ->
    {Port, OsPid} = program(Options),
    Writer = gwport_writer:start_link(Port),
    process_flag(trap_exit, true),
    gwport_probe:os_kill("STOP", OsPid),
    gwport_probe:await_stopped(OsPid),
    {_, Waiting} = fill(text(), 1, Writer),
    gwport_probe:os_kill("KILL", OsPid),
    receive {'EXIT', Port, _} -> ok end,
    receive {'EXIT', Pid, Reason} when is_pid(Pid) -> ?assertEqual(normal, Reason) end,
    ?assertNot(gwport_writer:is_free(Waiting)),
    {closed, Closed} = gwport_writer:write(<<"late">>, Writer),
    ?assertNot(gwport_writer:is_free(Closed)).

received(_, Bytes, Bytes) ->
    Bytes;
received(Port, Bytes, Before) ->
    receive {Port, {data, Data}} -> received(Port, Bytes, Before + byte_size(Data)) end.

%% One run

%% In a process of its own, with which the port and its writer end.
aside(Fun, Options) ->
    {Pid, Monitor} = spawn_monitor(fun() -> exit({shutdown, Fun(Options)}) end),
    receive {'DOWN', Monitor, process, Pid, Reason} ->
        {shutdown, Result} = Reason,
        Result
    end.

%% Says back what it reads.
program(Options) ->
    Port = open_port({spawn_executable, os:find_executable("cat")}, [binary, stream, use_stdio | Options]),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    {Port, OsPid}.

run(Options) ->
    {Port, OsPid} = program(Options),
    Stopper = spawn_link(fun() -> stop_and_go(OsPid, 0) end),
    Seen = write(#{port => Port, writer => gwport_writer:start_link(Port), text => text(), next => 0, written => 0, handed => 0,
        expect => 0, rest => <<>>}),
    Stopper ! {stop, self()},
    Stops = receive {Stopper, Count} -> Count end,
    ?assert(Stops > 0),
    maps:with([next, written, handed, stops], Seen#{stops => Stops}).

stop_and_go(OsPid, Count) ->
    receive
        {stop, From} -> From ! {self(), Count}
    after 1 ->
        gwport_probe:os_kill("STOP", OsPid),
        gwport_probe:os_kill("CONT", OsPid),
        stop_and_go(OsPid, Count + 1)
    end.

text() ->
    << <<(I * 40503 rem 65536):16>> || I <- lists:seq(1, ?TEXT_BYTES div 2) >>.

%% Pieces are numbered, and of sizes that come in no order: 0 to 200 KB.
write(Run = #{handed := Handed, written := Written}) when Handed >= ?HANDED; Written >= ?BYTES ->
    read_all(Run);
write(Run = #{next := N, handed := Handed, written := Written, writer := Writer}) ->
    Piece = [<<N:32, (bytes(N)):32>>, part(N, Run)],
    {ok, Writer1} = gwport_writer:write(Piece, Writer),
    Run1 = Run#{next := N + 1, written := Written + bytes(N), writer := Writer1},
    case gwport_writer:is_free(Writer1) of
        true -> write(read(Run1));
        false -> write(await_writer(Run1#{handed := Handed + 1}))
    end.

bytes(N) ->
    case N rem 7 of
        0 -> N * 7919 rem 200000;
        _ -> N * 31 rem 3000
    end.

part(N, #{text := Text}) ->
    binary:part(Text, N rem 5000, bytes(N)).

%% Nothing is written until the other process is through, and what the program says back is read.
await_writer(Run = #{port := Port, writer := Writer}) ->
    receive
        {gwport_writer, through} -> Run#{writer := gwport_writer:through(Writer)};
        {Port, {data, Data}} -> await_writer(check(Data, Run))
    end.

read(Run = #{port := Port}) ->
    receive {Port, {data, Data}} -> read(check(Data, Run))
    after 0 -> Run
    end.

read_all(Run = #{next := N, expect := N, rest := <<>>}) ->
    Run;
read_all(Run = #{port := Port}) ->
    receive {Port, {data, Data}} -> read_all(check(Data, Run)) end.

check(Data, Run = #{rest := Rest}) ->
    pieces(<<Rest/binary, Data/binary>>, Run).

pieces(<<N:32, Size:32, Piece:Size/binary, Rest/binary>>, Run = #{expect := Expected}) ->
    ?assertEqual({Expected, bytes(Expected)}, {N, Size}),
    ?assert(Piece =:= part(N, Run)),
    pieces(Rest, Run#{expect := N + 1});
pieces(Rest, Run) ->
    Run#{rest := Rest}.

%% Writing to a port without being suspended, under stress: a process writes with `nosuspend` while the port takes it,
%% and hands what the port does not take to another process, which the port may suspend. Whatever the program does,
%% and however often that is, all arrives, in order, and the first process is never suspended.
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
    [all_arrives_in_order, the_owner_is_never_suspended].

all_arrives_in_order(_) ->
    %% A program that stops and goes on all the time, with limits from small to 1 MiB.
    Handed = [begin
        Seen = #{handed := Count} = run([{busy_limits_port, {High div 2, High}} | More]),
        ct:pal("busy at ~b bytes ~p: ~p", [High, More, Seen]),
        Count
    end || High <- [1024, 65536, 1048576], More <- [[{busy_limits_msgq, disabled}], []]],
    ?assert(lists:sum(Handed) > 2000).

the_owner_is_never_suspended(_) ->
    %% A program that does not read: who writes answers all the same, and the other process waits alone.
    Port = program([{busy_limits_port, {512, 1024}}, {busy_limits_msgq, disabled}]),
    Writer = writer(Port),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    gwport_probe:os_kill("STOP", OsPid),
    Text = text(),
    Taken = fill(Port, Text, 0),
    Writer ! {write, Text},
    gwport_test:until(fun() -> {status, suspended} =:= erlang:process_info(Writer, status) end),
    [?assertEqual(false, erlang:port_command(Port, Text, [nosuspend])) || _ <- lists:seq(1, 1000)],
    receive {Writer, through} -> error(not_suspended) after 0 -> ok end,
    gwport_probe:os_kill("CONT", OsPid),
    receive {Writer, through} -> ok end,
    ?assertEqual((Taken + 1) * byte_size(Text), received(Port, (Taken + 1) * byte_size(Text), 0)),
    stop(Port, Writer).

fill(Port, Text, Count) ->
    case erlang:port_command(Port, Text, [nosuspend]) of
        true -> fill(Port, Text, Count + 1);
        false -> Count
    end.

received(_, Bytes, Bytes) ->
    Bytes;
received(Port, Bytes, Before) ->
    receive {Port, {data, Data}} -> received(Port, Bytes, Before + byte_size(Data)) end.

%% One run

%% Says back what it reads.
program(Options) ->
    open_port({spawn_executable, os:find_executable("cat")}, [binary, stream, use_stdio | Options]).

stop(Port, Writer) ->
    true = port_close(Port),
    exit(Writer, kill).

%% The one that may be suspended.
writer(Port) ->
    Owner = self(),
    spawn_link(fun() -> true = unlink(Owner), writer(Owner, Port) end).

writer(Owner, Port) ->
    receive {write, Data} ->
        true = erlang:port_command(Port, Data),
        Owner ! {self(), through},
        writer(Owner, Port)
    end.

run(Options) ->
    Port = program(Options),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    Stopper = spawn_link(fun() -> stop_and_go(OsPid, 0) end),
    Writer = writer(Port),
    Seen = write(#{port => Port, writer => Writer, text => text(), next => 0, written => 0, handed => 0,
        expect => 0, rest => <<>>}),
    Stopper ! {stop, self()},
    Stops = receive {Stopper, Count} -> Count end,
    stop(Port, Writer),
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
write(Run = #{port := Port, next := N, handed := Handed, written := Written}) ->
    Piece = [<<N:32, (bytes(N)):32>>, part(N, Run)],
    Run1 = Run#{next := N + 1, written := Written + bytes(N)},
    case erlang:port_command(Port, Piece, [nosuspend]) of
        true -> write(read(Run1));
        false -> write(hand_over(Piece, Run1#{handed := Handed + 1}))
    end.

bytes(N) ->
    case N rem 7 of
        0 -> N * 7919 rem 200000;
        _ -> N * 31 rem 3000
    end.

part(N, #{text := Text}) ->
    binary:part(Text, N rem 5000, bytes(N)).

%% Nothing is written until the other process is through, and what the program says back is read.
hand_over(Piece, Run = #{writer := Writer}) ->
    Writer ! {write, Piece},
    await_writer(Run).

await_writer(Run = #{port := Port, writer := Writer}) ->
    receive
        {Writer, through} -> Run;
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

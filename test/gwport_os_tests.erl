%% Programs as the shell sees them, and how they end.
-module(gwport_os_tests).

-export([second/1]).

-include_lib("eunit/include/eunit.hrl").

with_the_application_test_() ->
    {setup, fun() -> {ok, Started} = application:ensure_all_started(gwport), Started end,
        fun(Started) -> [application:stop(App) || App <- lists:reverse(Started)] end,
        cases() ++ [{"it is stopped and goes on", {timeout, 60, fun is_stopped_and_goes_on/0}},
            {"it stays where gwport_os is killed", {timeout, 60, fun it_stays/0}},
            {inparallel, [{"it ends with the BEAM", {timeout, 60, fun() -> ends_with_the_beam(End, Shell) end}}
                || End <- [kill, halt], Shell <- ["first", "second"]]}]}.

without_the_application_test_() ->
    {setup, fun() -> application:stop(gwport) end, fun(_) -> ok end,
        [{Name, Case} || {Name, Case} <- cases(), Name =/= "its owner is killed", Name =/= "it has ended"]}.

cases() ->
    [{Name, {timeout, 60, Case}} || {Name, Case} <- [{"it is ended", fun is_ended/0}, {"one of the same id is not", fun another_is_not/0},
        {"its group is ended, also when it has ended itself", fun group/0}, {"its name is odd", fun odd_name/0},
        {"it is asked to end, with its group", fun is_asked/0}, {"one of the same id is not asked", fun another_is_not_asked/0},
        {"its owner is killed", fun owner_is_killed/0}, {"it has ended", fun has_ended/0}]].

%% A program: its port and its id.
start(Command) ->
    Port = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", Command]}, {line, 100}, exit_status]),
    {os_pid, Id} = erlang:port_info(Port, os_pid),
    {Port, Id}.

ends(Port, Status) ->
    receive {Port, {exit_status, Got}} -> ?assertEqual(Status, Got) after 25000 -> error(lives) end.

is_ended() ->
    {Port, Id} = start("exec sleep 60"),
    Process = gwport_os:adopt(Id),
    ?assertEqual(Id, gwport_os:id(Process)),
    ok = gwport_os:kill(Process),
    ends(Port, 137).

another_is_not() ->
    {Port, Id} = start("read line; exit 5"),
    ok = gwport_os:kill({Id, <<"1">>}),
    port_command(Port, "\n"),
    ends(Port, 5).

is_asked() ->
    {Port, Id} = start("trap 'echo asked; exit 6' TERM; sleep 60 >/dev/null & echo $!; wait"),
    Process = gwport_os:adopt(Id),
    Child = receive {Port, {data, {eol, Line}}} -> list_to_integer(Line) end,
    %% Until then it has the shell's trap.
    gwport_test:until(fun() -> [{Child, <<"sleep">>}] =:= gwport_probe:children(integer_to_list(Id)) end),
    ok = gwport_os:signal(term, Process),
    ends(Port, 6),
    %% Once.
    ?assertEqual([{Port, {data, {eol, "asked"}}}], said(Port)),
    gwport_test:until(fun() -> gwport_probe:gone(Child) end),
    ok = gwport_os:kill(Process).

said(Port) ->
    receive Said = {Port, {data, _}} -> [Said | said(Port)] after 0 -> [] end.

another_is_not_asked() ->
    {Port, Id} = start("read line; exit 5"),
    ok = gwport_os:signal(term, {Id, <<"1">>}),
    ok = gwport_os:kill({Id, <<"1">>}),
    port_command(Port, "\n"),
    ends(Port, 5).

is_stopped_and_goes_on() ->
    {Port, Id} = start("read line; exit 7"),
    Process = gwport_os:adopt(Id),
    ok = gwport_os:signal(stop, Process),
    gwport_probe:await_stopped(Id),
    ok = gwport_os:signal(cont, {Id, <<"1">>}),
    ok = gwport_os:signal(stop, {Id, <<"1">>}),
    ok = gwport_os:signal(cont, Process),
    port_command(Port, "\n"),
    ends(Port, 7),
    ok = gwport_os:kill(Process).

group() ->
    {Port, Id} = start("sleep 60 >/dev/null & echo $!; read line; exit 0"),
    Process = gwport_os:adopt(Id),
    Child = receive {Port, {data, {eol, Line}}} -> list_to_integer(Line) end,
    port_command(Port, "\n"),
    ends(Port, 0),
    ?assertNot(gwport_probe:gone(Child)),
    ok = gwport_os:kill(Process),
    gwport_test:until(fun() -> gwport_probe:gone(Child) end).

odd_name() ->
    Dir = string:trim(os:cmd("mktemp -d")),
    Program = filename:join(Dir, "a) Z\n1 * $x"),
    {ok, _} = file:copy(os:find_executable("sleep"), Program),
    ok = file:change_mode(Program, 8#700),
    {Port, Id} = start("exec " ++ Dir ++ "/a* 60"),
    gwport_test:until(fun() -> {ok, Stat} = file:read_file("/proc/" ++ integer_to_list(Id) ++ "/stat"),
        binary:match(Stat, <<"(a) Z\n">>) =/= nomatch end),
    Process = {Id, Started} = gwport_os:adopt(Id),
    ?assert(binary_to_integer(Started) > 0),
    ok = gwport_os:kill(Process),
    ends(Port, 137),
    ok = file:del_dir_r(Dir).

owner_is_killed() ->
    Self = self(),
    Owner = spawn(fun() ->
        {_, Id} = start("exec sleep 60 </dev/null >/dev/null"),
        Self ! {self(), gwport_os:adopt(Id)},
        receive after infinity -> ok end
    end),
    Process = receive {Owner, Adopted} -> Adopted end,
    exit(Owner, kill),
    gwport_test:until(fun() -> gwport_probe:gone(gwport_os:id(Process)) end),
    %% And is forgotten.
    gwport_test:until(fun() -> ets:tab2list(gwport_os) =:= [] end).

has_ended() ->
    {Port, Id} = start("exec sleep 60"),
    Process = gwport_os:adopt(Id),
    ok = gwport_os:look(Process),
    ok = gwport_os:look(Process),
    ?assertEqual(nothing, receive {gwport_os, gone} -> gone after 200 -> nothing end),
    ok = gwport_os:kill(Process),
    ends(Port, 137),
    ok = gwport_os:look(Process),
    ?assertEqual(gone, receive {gwport_os, gone} -> gone after 25000 -> nothing end),
    ok = gwport_os:look({Id, <<"unknown">>}),
    ?assertEqual(gone, receive {gwport_os, gone} -> gone after 25000 -> nothing end).

%% The shell that has lost its input lets programs be, since the BEAM is there; the next one knows of them.
it_stays() ->
    {Port, Id} = start("read line; exit 5"),
    Process = gwport_os:adopt(Id),
    [Shell] = shells(),
    exit(whereis(gwport_os), kill),
    gwport_test:until(fun() -> gwport_probe:gone(Shell) end),
    ?assertNot(gwport_probe:gone(Id)),
    ok = gwport_os:kill(Process),
    ends(Port, 137).

shells() ->
    [Id || Port <- erlang:ports(), erlang:port_info(Port, connected) =:= {connected, whereis(gwport_os)},
        {os_pid, Id} <- [erlang:port_info(Port, os_pid)]].

%% A program that does not mind the end of its input, what it has started, and what one has left behind that has ended: all
%% of them end, be the BEAM killed or halted, and where gwport_os has another shell than it was told of first.
ends_with_the_beam(End, Shell) ->
    Io = open_port({spawn_executable, os:find_executable("erl")}, [{line, 100}, exit_status, {args,
        ["-noshell", "-kernel", "logger_level", "critical", "-pa" | code:get_path()]
        ++ ["-run", atom_to_list(?MODULE), "second", Shell]}]),
    Ids = [Beam | _] = said_ids(Io),
    ?assertEqual([], [Id || Id <- Ids, gwport_probe:gone(Id)]),
    case End of
        kill -> gwport_probe:os_kill("KILL", Beam);
        halt -> port_command(Io, "halt\n")
    end,
    gwport_test:until(fun() -> case [Id || Id <- Ids, not gwport_probe:gone(Id)] of [] -> true; Left -> Left end end),
    receive {Io, {exit_status, _}} -> ok after 25000 -> error(lives) end.

said_ids(Io) ->
    receive
        {Io, {data, {eol, "ids " ++ Ids}}} -> [list_to_integer(Id) || Id <- string:lexemes(Ids, " ")];
        {Io, {exit_status, Status}} -> error({second, Status})
    after 20000 -> error(silent)
    end.

%% The other BEAM.
second([Shell]) ->
    {ok, _} = application:ensure_all_started(gwport),
    {Stays, Id} = start("sleep 60 >/dev/null & echo $!; exec sleep 60 >/dev/null"),
    {Ends, EndedId} = start("sleep 60 >/dev/null & echo $!; read line; exit 0"),
    _ = [gwport_os:adopt(One) || One <- [Id, EndedId]],
    Children = [receive {Port, {data, {eol, Line}}} -> list_to_integer(Line) end || Port <- [Stays, Ends]],
    port_command(Ends, "\n"),
    ends(Ends, 0),
    _ = [begin
        [First] = shells(),
        exit(whereis(gwport_os), kill),
        gwport_test:until(fun() -> gwport_probe:gone(First) end),
        %% It answers, and so has been told what was to be told before.
        ok = gwport_os:kill({1 bsl 30, <<"1">>})
    end || Shell =:= "second"],
    io:format("ids ~s~n", [lists:join(" ", [integer_to_list(One)
        || One <- [list_to_integer(os:getpid()), Id | Children] ++ shells()])]),
    _ = io:get_line(""),
    halt(0).

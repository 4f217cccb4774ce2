%% Programs as the shell sees them, and how they end.
-module(gwport_os_tests).

-include_lib("eunit/include/eunit.hrl").

with_the_application_test_() ->
    {setup, fun() -> {ok, Started} = application:ensure_all_started(gwport), Started end,
        fun(Started) -> [application:stop(App) || App <- lists:reverse(Started)] end,
        cases()}.

without_the_application_test_() ->
    {setup, fun() -> application:stop(gwport) end, fun(_) -> ok end,
        [{Name, Case} || {Name, Case} <- cases(), Name =/= "its owner is killed", Name =/= "it has ended"]}.

cases() ->
    [{"it is ended", fun is_ended/0}, {"one of the same id is not", fun another_is_not/0},
        {"its group is ended, also when it has ended itself", fun group/0}, {"its name is odd", fun odd_name/0},
        {"it is asked to end, with its group", fun is_asked/0}, {"one of the same id is not asked", fun another_is_not_asked/0},
        {"its owner is killed", fun owner_is_killed/0}, {"it has ended", fun has_ended/0}].

%% A program: its port and its id.
start(Command) ->
    Port = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", Command]}, {line, 100}, exit_status]),
    {os_pid, Id} = erlang:port_info(Port, os_pid),
    {Port, Id}.

ends(Port, Status) ->
    receive {Port, {exit_status, Got}} -> ?assertEqual(Status, Got) after 5000 -> error(lives) end.

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
    ok = gwport_os:term(Process),
    ends(Port, 6),
    %% Once.
    ?assertEqual([{Port, {data, {eol, "asked"}}}], said(Port)),
    gwport_test:until(fun() -> gwport_probe:gone(Child) end),
    ok = gwport_os:kill(Process).

said(Port) ->
    receive Said = {Port, {data, _}} -> [Said | said(Port)] after 0 -> [] end.

another_is_not_asked() ->
    {Port, Id} = start("read line; exit 5"),
    ok = gwport_os:term({Id, <<"1">>}),
    ok = gwport_os:kill({Id, <<"1">>}),
    port_command(Port, "\n"),
    ends(Port, 5).

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
    ?assertEqual(gone, receive {gwport_os, gone} -> gone after 5000 -> nothing end),
    ok = gwport_os:look({Id, <<"unknown">>}),
    ?assertEqual(gone, receive {gwport_os, gone} -> gone after 5000 -> nothing end).

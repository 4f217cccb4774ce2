%% Where a program is, and why it cannot be run: files as they are, run as a port runs them.
-module(gwport_command_tests).

-include_lib("eunit/include/eunit.hrl").

with_folder_test_() ->
    {foreach, fun() -> string:trim(os:cmd("mktemp -d")) end, fun(Dir) -> ok = file:del_dir_r(Dir) end,
        [fun(Dir) -> [{Name, fun() -> Case(Dir) end} || {Name, Case} <- cases()] end]}.

cases() ->
    [{"a link is followed", fun good_link/1}, {"a link to nothing is no file", fun dead_link/1},
        {"what cannot be run is said", fun cannot_run/1}, {"a missing interpreter is said", fun interpreter/1},
        {"what ran and ended itself is not explained", fun ran/1}].

good_link(Dir) ->
    Link = filename:join(Dir, "link"),
    ok = file:make_symlink("/bin/sh", Link),
    ?assertEqual({ok, Link}, gwport_command:find(Link)).

dead_link(Dir) ->
    Link = filename:join(Dir, "dead"),
    ok = file:make_symlink(filename:join(Dir, "nothing"), Link),
    ?assertEqual({error, "no such file"}, gwport_command:find(Link)).

cannot_run(Dir) ->
    [begin
        Path = program(Dir, Content),
        ?assertEqual({ok, Path}, gwport_command:find(Path)),
        ?assertEqual({Content, 8}, {Content, status(Path)}),
        {ok, Why} = gwport_command:why_not_run(Path, 8),
        ?assertEqual({Why, match}, {Why, re:run(Why, Said, [{capture, none}])})
    end || {Content, Said} <- [
        {<<"some text\n">>, "^exec format error: neither a program nor a script, which begins with #!$"},
        {<<>>, "^exec format error: the file is empty$"},
        {<<"MZ", 0:640>>, "^exec format error: a program for Windows$"},
        {<<16#CFFAEDFE:32, 0:640>>, "^exec format error: a program for macOS$"},
        {elf(243), "^exec format error: wrong architecture, a program for riscv64 on [a-z0-9]+$"},
        {elf(9999), "^exec format error: wrong architecture, a program for ELF machine 9999 on [a-z0-9]+$"}]].

%% Our own shell, said to be of another machine.
elf(Machine) ->
    {ok, <<Head:18/binary, _:16, Rest/binary>>} = file:read_file("/bin/sh"),
    <<Head/binary, Machine:16/little, Rest/binary>>.

interpreter(Dir) ->
    Script = program(Dir, <<"#! /no/such/interpreter -x\nexit 0\n">>),
    ?assertEqual(2, status(Script)),
    ?assertEqual({ok, "its interpreter is missing: /no/such/interpreter"}, gwport_command:why_not_run(Script, 2)),
    Colored = program(Dir, <<"#!/no/\e[31msuch\nexit 0\n">>),
    ?assertEqual({ok, "its interpreter is missing: \"/no/\\x1b[31msuch\""}, gwport_command:why_not_run(Colored, 2)),
    %% The loader of a program that is linked dynamically, as one of Alpine's on Debian.
    {ok, Sh} = file:read_file("/bin/sh"),
    {match, [{At, Length}]} = re:run(Sh, "/lib[a-z0-9_/-]*/ld-[a-z0-9._-]+", []),
    <<Before:At/binary, Loader:Length/binary, After/binary>> = Sh,
    Missing = <<"/no", (binary:part(Loader, 3, Length - 3))/binary>>,
    Path = program(Dir, <<Before/binary, Missing/binary, After/binary>>),
    ?assertEqual(2, status(Path)),
    ?assertEqual({ok, "its interpreter is missing: " ++ binary_to_list(Missing)}, gwport_command:why_not_run(Path, 2)).

ran(Dir) ->
    [?assertEqual(unknown, gwport_command:why_not_run("/bin/sh", Status)) || Status <- [0, 1, 2, 3, 8, 127]],
    Other = program(Dir, <<"#!/bin/sh\nexit 8\n">>),
    ?assertEqual(8, status(Other)),
    ?assertEqual(unknown, gwport_command:why_not_run(Other, 8)),
    Script = program(Dir, <<"#!/bin/sh\nexit 2\n">>),
    ?assertEqual(2, status(Script)),
    ?assertEqual(unknown, gwport_command:why_not_run(Script, 2)),
    ok = file:delete(Script),
    ?assertEqual({ok, "no such file"}, gwport_command:why_not_run(Script, 2)),
    ?assertEqual(unknown, gwport_command:why_not_run(Script, 8)).

program(Dir, Content) ->
    Path = filename:join(Dir, "program"),
    ok = file:write_file(Path, Content),
    ok = file:change_mode(Path, 8#755),
    Path.

status(Path) ->
    Port = open_port({spawn_executable, Path}, [exit_status]),
    receive {Port, {exit_status, Status}} -> Status after 5000 -> runs end.

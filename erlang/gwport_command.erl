%% The file that a pool's program is in: where it is, and why it is none that can be run.
%% @hidden
-module(gwport_command).

-export([find/1, why_not_run/2]).

%% `command` as an absolute path, or why there is none. Texts are as open_port/2 wants them.
-spec find({priv, App :: atom(), File :: string()} | string()) ->
    {ok, file:filename()} | {error, Why :: string()}.
find({priv, App, File}) ->
    %% spawn_executable wants an absolute path; code:priv_dir/1 may be relative.
    case code:priv_dir(App) of
        {error, bad_name} -> {error, "no such app"};
        Dir -> in_priv(filename:absname(filename:join(Dir, File)))
    end;
find(Name) ->
    case lists:member($/, Name) of
        true -> executable(filename:absname(Name));
        false -> on_path(os:find_executable(Name))
    end.

on_path(false) -> {error, "not on PATH"};
on_path(Path) -> {ok, filename:absname(Path)}.

in_priv(Path) ->
    case executable(Path) of
        {ok, Path} -> {ok, Path};
        {error, Why} -> {error, Why ++ ": " ++ Path}
    end.

executable(Path) ->
    case {filelib:is_dir(Path), filelib:is_regular(Path), os:find_executable(Path)} of
        {true, _, _} -> {error, "a folder"};
        {false, false, _} -> {error, no_file(file:read_file_info(Path))};
        {false, true, false} -> {error, "not executable"};
        {false, true, _} -> {ok, Path}
    end.

no_file({ok, _}) -> "not a file";
no_file({error, enoent}) -> "no such file";
no_file({error, Reason}) -> file:format_error(Reason).

%% What kept a program from being run, where that is so: the exit status is the system's number of the
%% error then. A program that ran may end with that status too, and nothing is said of it where its file
%% is one that can be run.
-spec why_not_run(Path :: file:filename(), Status :: non_neg_integer()) ->
    {ok, Why :: string()} | unknown.
why_not_run(Path, Status) when Status =:= 2; Status =:= 8 ->
    case file:open(Path, [read, raw, binary]) of
        {ok, File} ->
            try why(Status, head(file:read(File, 4096)))
            after ok = file:close(File)
            end;
        {error, enoent} when Status =:= 2 ->
            {ok, "no such file"};
        {error, _} ->
            unknown
    end;
why_not_run(_, _) ->
    unknown.

head({ok, Head}) -> Head;
head(_) -> <<>>.

why(8, <<"#!", _/bits>>) ->
    unknown;
why(8, Head) ->
    case {machine(Head), native()} of
        {Machine, Machine} when Machine =/= none -> unknown;
        {_, Native} -> {ok, "exec format error: " ++ format(Head, Native)}
    end;
why(2, Head) ->
    case interpreter(Head) of
        none -> unknown;
        Interpreter -> missing(Interpreter, filelib:is_regular(Interpreter))
    end.

missing(_, true) -> unknown;
missing(Interpreter, false) ->
    {ok, "its interpreter is missing: "
        ++ unicode:characters_to_list(gwport_line:text(list_to_binary(Interpreter)))}.

%% The machine that the BEAM was built for, as an ELF file says it.
native() ->
    case file:open("/proc/self/exe", [read, raw, binary]) of
        {ok, File} ->
            try machine(head(file:read(File, 20)))
            after ok = file:close(File)
            end;
        {error, _} ->
            none
    end.

format(<<>>, _) ->
    "the file is empty";
format(<<"MZ", _/bits>>, _) ->
    "a program for Windows";
format(<<Magic:32, _/bits>>, _) when Magic =:= 16#CFFAEDFE; Magic =:= 16#CAFEBABE ->
    "a program for macOS";
format(Head, Native) ->
    case machine(Head) of
        none -> "neither a program nor a script, which begins with #!";
        Machine when Native =:= none -> "a program for " ++ name(Machine);
        Machine -> "wrong architecture, a program for " ++ name(Machine) ++ " on "
            ++ name(Native)
    end.

machine(<<16#7F, "ELF", _, 1, _:12/binary, Machine:16/little, _/bits>>) -> Machine;
machine(<<16#7F, "ELF", _, 2, _:12/binary, Machine:16, _/bits>>) -> Machine;
machine(_) -> none.

name(3) -> "386";
name(8) -> "mips";
name(20) -> "ppc";
name(21) -> "ppc64";
name(22) -> "s390x";
name(40) -> "arm";
name(62) -> "amd64";
name(183) -> "arm64";
name(243) -> "riscv64";
name(258) -> "loong64";
name(Machine) -> "ELF machine " ++ integer_to_list(Machine).

%% A script's, or the loader that a dynamically linked program names.
interpreter(<<"#!", Line/bits>>) ->
    hd(string:lexemes(binary_to_list(hd(binary:split(Line, <<"\n">>))), " \t\r") ++ [none]);
interpreter(Elf = <<16#7F, "ELF", 2, 1, _:26/binary, Offset:64/little, _:14/binary,
        Size:16/little, Count:16/little, _/bits>>) ->
    loader(Elf, Offset, Size, Count);
interpreter(_) ->
    none.

loader(_, _, _, 0) ->
    none;
loader(Elf, Offset, Size, Count) ->
    case Elf of
        <<_:Offset/binary, 3:32/little, _:32, At:64/little, _:128, Length:64/little, _/bits>>
                when Length > 1, At + Length =< byte_size(Elf) ->
            binary_to_list(binary:part(Elf, At, Length - 1));
        <<_:Offset/binary, _:32, _/bits>> ->
            loader(Elf, Offset + Size, Size, Count - 1);
        _ ->
            none
    end.

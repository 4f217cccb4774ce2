%% Operating system processes, by their ids.
-module(gwport_os).

-export([identify/1, id/1, kill/1, is_alive/1, has_ended/1]).

-export_type([process/0]).

%% An id alone may be somebody else's by the time it is used; together with the time at which the
%% process started (in clock ticks since boot, Linux only) it is not.
-type process() :: {Id :: pos_integer(), Started :: binary() | unknown} | gone.

-spec identify(pos_integer()) -> process().
identify(Id) when Id > 0 ->
    case started(Id) of
        gone -> gone;
        Started -> {Id, Started}
    end.

-spec id(process()) -> pos_integer() | undefined.
id(gone) -> undefined;
id({Id, _}) -> Id.

-spec is_alive(process()) -> boolean().
is_alive(gone) ->
    false;
is_alive({Id, unknown}) ->
    os:cmd("kill -0 " ++ integer_to_list(Id) ++ " 2>&1") =:= "";
is_alive({Id, Started}) ->
    started(Id) =:= Started.

%% Whether the process is known to have ended; cheap enough to be asked every second.
-spec has_ended(process()) -> boolean().
has_ended({_, unknown}) -> false;
has_ended(Process) -> not is_alive(Process).

%% Ends the process, if it is still the one that was meant, and the process group that it leads or
%% has led: what a program that has ended left behind is ended as well. No new process gets an id
%% that a group still has, so where no process has it the group is the one that was meant.
-spec kill(process()) -> ok.
kill(gone) ->
    ok;
kill(Process = {Id, _}) ->
    Pid = integer_to_list(Id),
    case {is_alive(Process), started(Id)} of
        {true, _} -> signal("-" ++ Pid ++ " " ++ Pid);
        {false, gone} -> signal("-" ++ Pid);
        {false, _} -> ok
    end.

signal(Ids) ->
    _ = os:cmd("kill -9 " ++ Ids ++ " 2>/dev/null"),
    ok.

%% The 22nd field of /proc/ID/stat; the 2nd, the name, may hold spaces and parentheses. A zombie
%% counts as gone.
started(Id) ->
    case read("/proc/" ++ integer_to_list(Id) ++ "/stat") of
        {ok, Stat} ->
            [_, After] = string:split(Stat, <<") ">>, trailing),
            case binary:split(After, <<" ">>, [global]) of
                [<<"Z">> | _] -> gone;
                Fields -> lists:nth(20, Fields)
            end;
        _ ->
            case filelib:is_dir("/proc/self") of
                true -> gone;
                false -> unknown
            end
    end.

%% Raw: the file server may have other things to do.
read(Path) ->
    case file:open(Path, [raw, read, binary]) of
        {ok, File} ->
            Read = file:read(File, 4096),
            ok = file:close(File),
            Read;
        Error ->
            Error
    end.

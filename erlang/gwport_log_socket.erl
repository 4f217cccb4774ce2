%% The Unix socket to which one program connects its standard error, in a directory that only this
%% user may enter. Both go as soon as the program has connected.
%% @hidden
-module(gwport_log_socket).

-export([listen/1, close/1, path/1]).

-export_type([listener/0]).

-record(listener, {socket :: gen_tcp:socket(), path :: string()}).
-opaque listener() :: #listener{}.

-include_lib("kernel/include/logger.hrl").

%% How long until a connection that could not be accepted is tried again.
-define(ACCEPT_AGAIN, 100).

%% The calling process, a gen_server, is cast {accepted, Socket} and owns Socket then. Without a
%% socket, which the log says, the program keeps the standard error of the BEAM.
-spec listen(Pool :: atom()) -> listener() | none.
listen(Pool) ->
    %% The program may run in another directory than we do, so a path that is relative would be lost
    %% on it.
    Dir = filename:absname(filename:join(os:getenv("TMPDIR", "/tmp"),
        "gwport-" ++ os:getpid() ++ "-" ++ unique())),
    Path = filename:join(Dir, "stderr"),
    ok = gwport_os:keep_socket(Path),
    case private(Dir) andalso bind(Path) of
        {ok, Socket} ->
            Log = self(),
            _ = proc_lib:spawn_link(fun() -> acceptor(Socket, Log) end),
            #listener{socket = Socket, path = Path};
        _ ->
            _ = file:del_dir(Dir),
            ?LOG_WARNING("gwport: no socket in ~ts; standard error of pool ~ts is that of the BEAM",
                [Dir, Pool]),
            none
    end.

private(Dir) ->
    file:make_dir(Dir) =:= ok andalso file:change_mode(Dir, 8#700) =:= ok.

bind(Path) ->
    gen_tcp:listen(0, [local, {ifaddr, {local, Path}}, binary, {active, false}, {backlog, 1}]).

unique() ->
    binary_to_list(binary:encode_hex(rand:bytes(8))).

%% With no descriptor left it cannot be accepted yet; meanwhile what the program says waits in the
%% socket, and soon the program.
acceptor(Listener, Log) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            case gen_tcp:controlling_process(Socket, Log) of
                ok -> gen_server:cast(Log, {accepted, Socket});
                {error, _} -> ok
            end;
        {error, closed} ->
            ok;
        {error, _} ->
            receive after ?ACCEPT_AGAIN -> acceptor(Listener, Log) end
    end.

-spec path(listener()) -> string().
path(#listener{path = Path}) ->
    Path.

-spec close(listener()) -> ok.
close(#listener{socket = Socket, path = Path}) ->
    ok = gen_tcp:close(Socket),
    _ = file:delete(Path),
    _ = file:del_dir(filename:dirname(Path)),
    ok.

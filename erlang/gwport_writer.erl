%% Writing to a port without waiting for its program.
%%
%% A port whose program does not read suspends whoever writes to it, without a timeout. Its owner
%% reads, routes and kills, and must never wait: it writes while the port takes it, and when the
%% port is busy it hands what it has to the process in here, the only one that may be suspended,
%% and keeps what comes until that is through.
%%
%% The process is linked to the owner, and ends with it or with the port. It sends the owner
%% {gwport_writer, through}.
%% @hidden
-module(gwport_writer).

-export([start_link/1, write/2, through/1, is_free/1, is_writer/2]).
-export([init/2]).

-export_type([writer/0]).

-record(writer, {port :: port(), pid :: pid(), free = true :: boolean()}).
-opaque writer() :: #writer{}.

%% Called by the owner of Port, as all of these.
-spec start_link(port()) -> writer().
start_link(Port) ->
    #writer{port = Port, pid = proc_lib:spawn_link(?MODULE, init, [self(), Port])}.

%% Only when the writer is free. With a port that is closed, of which its owner has or gets word, it
%% is never free again. The error would hold all of Data, bodies included, and must not reach a log.
-spec write(iodata(), writer()) -> {ok | closed, writer()}.
write([[], [] | []], Writer) ->
    {ok, Writer};
write(Data, Writer = #writer{port = Port, pid = Pid, free = true}) ->
    try erlang:port_command(Port, Data, [nosuspend]) of
        true ->
            {ok, Writer};
        false ->
            Pid ! {write, Data},
            {ok, Writer#writer{free = false}}
    catch
        error:badarg -> {closed, Writer#writer{free = false}}
    end.

%% The process has said so.
-spec through(writer()) -> writer().
through(Writer) ->
    Writer#writer{free = true}.

-spec is_free(writer()) -> boolean().
is_free(#writer{free = Free}) ->
    Free.

-spec is_writer(pid() | port(), writer()) -> boolean().
is_writer(Pid, #writer{pid = Writer}) ->
    Pid =:= Writer.

-spec init(Owner :: pid(), port()) -> no_return().
init(Owner, Port) ->
    gwport_failure:run("the writer of a port", fun() -> loop(Owner, Port) end).

loop(Owner, Port) ->
    receive
        {write, Data} ->
            write_waiting(Port, Data),
            Owner ! {?MODULE, through},
            loop(Owner, Port);
        _ ->
            error(unknown_message)
    end.

write_waiting(Port, Data) ->
    try port_command(Port, Data) of
        true -> ok
    catch
        error:badarg -> exit(normal)
    end.

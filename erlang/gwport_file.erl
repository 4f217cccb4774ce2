%% A file of a program's that is part of a response: the kernel takes its bytes to the client's
%% socket, and no process has them (SPEC.md, section 15).
%%
%% What a program names is not trusted. A process of its own opens the file and holds it: opening
%% may last for ever, whatever was looked at before, and the process that does it cannot be ended
%% meanwhile. Whoever asks waits as long as it likes. There are few such processes, and fewer that
%% open; where there would be too many, the program is told to send the bytes instead. Nobody ends
%% one but who has asked, by close/1 or by its own end: a file that was closed under a sender's
%% hands would be whatever got its number next.
%%
%% The file is checked when it is open: what the program's number stands for may be another one by
%% then, but what was opened does not change. It may get shorter all the same, so who sends asks how
%% much has gone (sent/1).
-module(gwport_file).

-export([create/0, max_open/1, is_possible/0, spec/1, bytes/1, open/3, close/1]).
-export([body/3, sent/1]).
%% file:sendfile/5 calls this for what body/3 gives.
-export([sendfile/8]).

-export_type([spec/0, file/0, opener/0, opened/0]).

-include_lib("kernel/include/file.hrl").

%% Which descriptor of the program, and what it must turn out to be.
-record(spec, {
    descriptor :: non_neg_integer(),
    device :: non_neg_integer(),
    inode :: non_neg_integer(),
    offset :: non_neg_integer(),
    length :: pos_integer()
}).
-opaque spec() :: #spec{}.
%% Of an open file: what the socket's driver knows it by, and what it has sent of it last.
-record(file, {
    handle :: binary(),
    offset :: non_neg_integer(),
    sent :: atomics:atomics_ref()
}).
-opaque file() :: #file{}.
-opaque opener() :: pid().
-type opened() :: {opened, opener(), {ok, file()} | {error, term()}}.
%% CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, as linux/capability.h numbers them.
-define(READ_ANYTHING, 2#110).
-define(NOT_SENT, -1).
-define(MAX, 16#7fffffffffffffff).
-define(MAX_DESCRIPTOR, 16#7fffffff).

%% How many may be opening at once, of the node's dirty schedulers for I/O (10 by default), which
%% opening keeps busy; how often one looks whether there is room, a millisecond apart.
-define(OPENING, 1).
-define(MAX_OPENING, 6).
-define(LOOKS, 100).
%% How many may be open: one in so many descriptors of the node, within bounds.
-define(OPEN, 2).
-define(MAX_OPEN, 3).
-define(SHARE, 8).
-define(FEWEST_OPEN, 16).
-define(MOST_OPEN, 1024).

%% Called by the application's supervisor. Without the application no file is taken.
-spec create() -> ok.
create() ->
    Limits = [Max || {max_fds, Max} <- lists:flatten(erlang:system_info(check_io))],
    Counts = atomics:new(?MAX_OPEN, []),
    ok = atomics:put(Counts, ?MAX_OPEN, max_open(lists:max([0 | Limits]))),
    _ = gwport_seen:is_first(?MODULE, Counts),
    ok.

%% How many files may be open in a node that may have so many descriptors.
-spec max_open(Descriptors :: non_neg_integer()) -> pos_integer().
max_open(Descriptors) ->
    max(?FEWEST_OPEN, min(?MOST_OPEN, Descriptors div ?SHARE)).

%% Whether a program's descriptors have names here, and the socket's driver takes files.
-spec is_possible() -> boolean().
is_possible() ->
    os:type() =:= {unix, linux} andalso gwport_seen:find(?MODULE) =/= none
        andalso erlang:function_exported(prim_inet, sendfile, 4)
        andalso erlang:function_exported(prim_file, get_handle, 1).

-spec spec(term()) -> {ok, spec()} | error.
spec({Descriptor, Device, Inode, Offset, Length})
        when is_integer(Descriptor), Descriptor >= 0, Descriptor =< ?MAX_DESCRIPTOR,
             is_integer(Device), Device >= 0, Device =< ?MAX,
             is_integer(Inode), Inode >= 0, Inode =< ?MAX,
             is_integer(Offset), Offset >= 0,
             is_integer(Length), Length >= 1, Offset + Length =< ?MAX ->
    {ok, #spec{descriptor = Descriptor, device = Device, inode = Inode, offset = Offset,
        length = Length}};
spec(_) ->
    error.

-spec bytes(spec()) -> pos_integer().
bytes(#spec{length = Length}) ->
    Length.

%% Opens what the program with this process id has, for the calling process, which is sent what
%% Tell makes of the opener and {ok, file()} or {error, _}.
-spec open(OsPid :: pos_integer(), spec(), Tell :: fun((opener(), term()) -> ok)) -> opener().
open(OsPid, Spec, Tell) ->
    Client = self(),
    spawn_opt(fun() ->
        gwport_failure:run("who opens a file", fun() -> opener(Client, OsPid, Spec, Tell) end)
    end, [{priority, high}]).

%% Called by who has asked for it, which does not use it any more.
-spec close(opener()) -> ok.
close(Opener) ->
    Opener ! {close, self()},
    ok.

opener(Client, OsPid, Spec, Tell) ->
    Monitor = erlang:monitor(process, Client),
    case gwport_seen:find(?MODULE) of
        {ok, Counts} ->
            Open = atomics:add_get(Counts, ?OPEN, 1),
            try
                hold(opened(Open, Counts, OsPid, Spec), Client, Monitor, Spec, Tell)
            after
                atomics:sub(Counts, ?OPEN, 1)
            end;
        none ->
            Tell(self(), {error, too_many})
    end.

opened(Open, Counts, OsPid, Spec) ->
    case Open =< atomics:get(Counts, ?MAX_OPEN) andalso may_open(?LOOKS, Counts) of
        true ->
            try
                open(OsPid, Spec)
            after
                atomics:sub(Counts, ?OPENING, 1)
            end;
        false ->
            {error, too_many}
    end.

may_open(0, _) ->
    false;
may_open(Left, Counts) ->
    case atomics:add_get(Counts, ?OPENING, 1) =< ?MAX_OPENING of
        true ->
            true;
        false ->
            ok = atomics:sub(Counts, ?OPENING, 1),
            receive after 1 -> may_open(Left - 1, Counts) end
    end.

%% A program may hold by its name what it has no right to read, and would have us read it.
open(OsPid, Spec) ->
    Process = "/proc/" ++ integer_to_list(OsPid),
    Ours = rights("/proc/self"),
    case rights(Process) of
        Ours when Ours =/= unknown -> open_ours(Process, Spec);
        _ -> {error, other_rights}
    end.

%% Under whose names a process reads files, and whether it may pass over their permissions.
rights(Process) ->
    case file:read_file(Process ++ "/status") of
        {ok, Status} ->
            Capabilities = binary_to_integer(line(<<"CapEff">>, Status), 16),
            {line(<<"Uid">>, Status), line(<<"Gid">>, Status), line(<<"Groups">>, Status),
                Capabilities band ?READ_ANYTHING};
        {error, _} ->
            unknown
    end.

line(Name, Status) ->
    [_, Rest] = binary:split(Status, <<"\n", Name/binary, ":\t">>),
    hd(binary:split(Rest, <<"\n">>)).

%% To open what is no file may wait for somebody, or do something.
open_ours(Process, Spec = #spec{descriptor = Descriptor}) ->
    Name = lists:append([Process, "/fd/", integer_to_list(Descriptor)]),
    case file:read_file_info(Name, [raw, {time, posix}]) of
        {ok, #file_info{type = regular}} -> is_that(file:open(Name, [read, raw, binary]), Spec);
        {ok, _} -> {error, no_file};
        Error -> Error
    end.

is_that({ok, File}, Spec) ->
    case checked(file:read_file_info(File, [{time, posix}]), Spec) of
        ok -> {ok, File};
        Error -> ok = file:close(File), Error
    end;
is_that(Error, _) ->
    Error.

checked({ok, #file_info{type = regular, major_device = Device, inode = Inode, size = Size}},
        #spec{device = Device, inode = Inode, offset = Offset, length = Length}) ->
    case Offset + Length =< Size of
        true -> ok;
        false -> {error, too_short}
    end;
checked({ok, _}, _) ->
    {error, other_file};
checked(Error, _) ->
    Error.

hold({ok, File}, Client, Monitor, #spec{offset = Offset}, Tell) ->
    Tell(self(), {ok, #file{handle = prim_file:get_handle(File), offset = Offset,
        sent = atomics:new(1, [])}}),
    receive
        {close, Client} -> ok;
        {'DOWN', Monitor, process, Client, _} -> ok
    end,
    _ = file:close(File),
    ok;
hold(Error, _, _, _, Tell) ->
    Tell(self(), Error).

%% So many bytes from that one of its part on, as a body that Cowboy takes. It knows files by name
%% or as file:open/2 gives them; of the latter kind each has a module that sends it.
-spec body(From :: non_neg_integer(), Bytes :: pos_integer(), file()) ->
    {sendfile, non_neg_integer(), pos_integer(), term()}.
body(From, Bytes, File = #file{offset = Offset, sent = Sent}) ->
    ok = atomics:put(Sent, 1, ?NOT_SENT),
    {sendfile, Offset + From, Bytes, #file_descriptor{module = ?MODULE, data = File}}.

%% How much of the last such body has gone to the socket, if that is still there.
-spec sent(file()) -> {ok, non_neg_integer()} | error.
sent(#file{sent = Sent}) ->
    case atomics:get(Sent, 1) of
        ?NOT_SENT -> error;
        Bytes -> {ok, Bytes}
    end.

-spec sendfile(term(), inet:socket(), non_neg_integer(), pos_integer(), term(), list(), list(),
    list()) -> {ok, non_neg_integer()} | {error, inet:posix() | closed | badarg | not_owner | eof}.
sendfile(#file_descriptor{data = #file{handle = Handle, sent = Sent}}, Socket, Offset, Bytes,
        _ChunkSize, [], [], _Options) ->
    case prim_inet:sendfile(Socket, Handle, Offset, Bytes) of
        {ok, Bytes} ->
            ok = atomics:put(Sent, 1, Bytes),
            {ok, Bytes};
        {ok, Fewer} ->
            ok = atomics:put(Sent, 1, Fewer),
            {error, eof};
        Error ->
            Error
    end.

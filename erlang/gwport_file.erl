%% A file of a program's that is part of a response: the kernel takes its bytes to the client's
%% socket, and no process has them (SPEC.md, section 15).
%%
%% What a program names is not trusted: another process opens it, and holds it
%% (gwport_file_opener). It may get shorter behind that, so who sends asks how much has gone
%% (sent/1).
%% @hidden
-module(gwport_file).

-export([is_possible/0, spec/1, bytes/1, open/3, close/1, drop/1]).
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
-type opener() :: gwport_file_opener:opener().
-type opened() :: {opened, opener(), {ok, file()} | {error, term()}}.
-define(NOT_SENT, -1).
-define(MAX, 16#7fffffffffffffff).
-define(MAX_DESCRIPTOR, 16#7fffffff).

%% Whether a program's descriptors have names here, and the socket's driver takes files.
-spec is_possible() -> boolean().
is_possible() ->
    os:type() =:= {unix, linux} andalso gwport_file_count:is_there()
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

%% Opens what the program with this process id has, for the calling process. If it is not open
%% already, that is sent what Tell makes of the opener and {ok, file()} or {error, _}.
-spec open(OsPid :: pos_integer(), spec(), Tell :: fun((opener(), term()) -> ok)) ->
    {open, opener(), file()} | {asked, opener()}.
open(OsPid, Spec, Tell) ->
    #spec{descriptor = Descriptor, device = Device, inode = Inode, offset = Offset} = Spec,
    case gwport_file_opener:open(OsPid, {Descriptor, Device, Inode, Offset + Spec#spec.length},
        fun(Opener, {ok, Handle}) -> Tell(Opener, {ok, opened(Handle, Offset)});
            (Opener, Error) -> Tell(Opener, Error)
        end)
    of
        {open, Opener, Handle} -> {open, Opener, opened(Handle, Offset)};
        Asked -> Asked
    end.

opened(Handle, Offset) ->
    #file{handle = Handle, offset = Offset, sent = atomics:new(1, [])}.

%% Called by who has asked for it, which is through with it.
-spec close(opener()) -> ok.
close(Opener) ->
    gwport_file_opener:close(Opener).

%% The same, for one whose response has ended before it was through.
-spec drop(opener()) -> ok.
drop(Opener) ->
    gwport_file_opener:drop(Opener).

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

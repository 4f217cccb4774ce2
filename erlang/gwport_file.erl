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
%%
%% A file without a name is one in memory, of which many bodies have a part: it stays open a while
%% for those that come next, and one process holds it for all of them.
%% @hidden
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
%% What an opener holds. How often each client uses it stands with what tells of the client's end.
-record(held, {
    file :: file:fd(),
    handle :: binary(),
    size :: non_neg_integer(),
    kept :: non_neg_integer(),
    users = #{} :: #{pid() => {pos_integer(), Monitor :: reference()}}
}).
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
%% How long a file without a name stays open for whom comes next, in milliseconds; how long, if its
%% program has one that is newer, for it is full then, and its memory is held with it; and how long
%% those that come too late are told so.
-define(KEPT, 1000).
-define(KEPT_BEHIND, 50).
-define(TOLD, 1000).
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
    ?MODULE = ets:new(?MODULE, [named_table, public, {read_concurrency, true}]),
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
    Use = {self(), Spec, Tell},
    Key = key(OsPid, Spec),
    case holder(Key) of
        {ok, Opener} ->
            Opener ! {use, Use},
            Opener;
        none ->
            Opener = spawn_opt(fun() ->
                gwport_failure:run("who opens a file", fun() -> opener(OsPid, Key, Use) end)
            end, [{priority, high}]),
            ok = announce(Key, Opener),
            Opener
    end.

%% There is a row {Key, Opener} for each file without a name that is open, and {place(Key), Opener}
%% for the newest of them there. Where there was one, another is likely to be of the same kind, and
%% is found before it is open: many bodies come at once when it is new.
key(OsPid, #spec{device = Device, inode = Inode}) ->
    {OsPid, Device, Inode}.

place({OsPid, Device, _}) ->
    {OsPid, Device}.

holder(Key) ->
    case find(Key) of
        {ok, Opener} ->
            case is_process_alive(Opener) of
                true -> {ok, Opener};
                false -> killed(Key, Opener), none
            end;
        none ->
            none
    end.

announce(Key, Opener) ->
    case find(place(Key)) of
        {ok, _} -> _ = ets:insert_new(?MODULE, {Key, Opener}), ok;
        none -> ok
    end.

%% It could not do what it does at its end.
killed(Key, Opener) ->
    case {ets:select_delete(?MODULE, [{{Key, Opener}, [], [true]}]), gwport_seen:find(?MODULE)} of
        {1, {ok, Counts}} -> atomics:sub(Counts, ?OPEN, 1);
        _ -> ok
    end.

%% Without the application there is no table.
find(Key) ->
    try ets:lookup(?MODULE, Key) of
        [{_, Opener}] -> {ok, Opener};
        [] -> none
    catch
        error:badarg -> none
    end.

forget(Key, Opener) ->
    try ets:delete_object(?MODULE, {Key, Opener}) of
        true -> ok
    catch
        error:badarg -> ok
    end.

%% Called by who has asked for it, which does not use it any more.
-spec close(opener()) -> ok.
close(Opener) ->
    Opener ! {close, self()},
    ok.

opener(OsPid, Key, Use = {_, Spec, Tell}) ->
    case gwport_seen:find(?MODULE) of
        {ok, Counts} ->
            Open = atomics:add_get(Counts, ?OPEN, 1),
            IsFound = try
                hold(opened(Open, Counts, OsPid, Spec), Key, Use)
            after
                forget(Key, self()),
                forget(place(Key), self()),
                atomics:sub(Counts, ?OPEN, 1)
            end,
            IsFound andalso too_late();
        none ->
            Tell(self(), {error, too_many})
    end.

%% Their programs send the bytes.
too_late() ->
    receive
        {use, {_, _, Tell}} -> Tell(self(), {error, closed}), too_late();
        _ -> too_late()
    after ?TOLD ->
        ok
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
        {ok, Info} -> {ok, File, Info};
        Error -> ok = file:close(File), Error
    end;
is_that(Error, _) ->
    Error.

checked({ok, Info = #file_info{type = regular, major_device = Device, inode = Inode, size = Size}},
        Spec = #spec{device = Device, inode = Inode}) ->
    case is_within(Spec, Size) of
        true -> {ok, Info};
        false -> {error, too_short}
    end;
checked({ok, _}, _) ->
    {error, other_file};
checked(Error, _) ->
    Error.

is_within(#spec{offset = Offset, length = Length}, Size) ->
    Offset + Length =< Size.

%% Whether others may have found it.
hold({ok, File, #file_info{size = Size, links = Links}}, Key, Use) ->
    Kept = kept(Links, Key),
    Handle = prim_file:get_handle(File),
    held(use(Use, #held{file = File, handle = Handle, size = Size, kept = Kept})),
    _ = file:close(File),
    Kept > 0;
hold(Error, _, {_, _, Tell}) ->
    Tell(self(), Error),
    true.

%% How long it stays open when nobody uses it, in milliseconds.
kept(0, Key) ->
    Before = find(place(Key)),
    true = ets:insert(?MODULE, [{Key, self()}, {place(Key), self()}]),
    case Before of
        {ok, Opener} -> Opener ! is_behind;
        none -> ok
    end,
    ?KEPT;
kept(_, Key) ->
    forget(Key, self()),
    0.

held(Held = #held{users = Users, kept = Kept}) ->
    receive
        {use, Use} -> held(use(Use, Held));
        {close, Client} -> held(unuse(Client, Held));
        {'DOWN', _, process, Client, _} -> held(Held#held{users = maps:remove(Client, Users)});
        is_behind -> held(Held#held{kept = ?KEPT_BEHIND})
    after case map_size(Users) of 0 -> Kept; _ -> infinity end ->
        ok
    end.

%% Whoever asks for it closes it, whatever it is told.
use({Client, Spec = #spec{offset = Offset}, Tell}, Held0 = #held{handle = Handle}) ->
    {Answer, Held = #held{users = Users}} = reaches(Spec, Held0),
    Tell(self(), case Answer of
        ok -> {ok, #file{handle = Handle, offset = Offset, sent = atomics:new(1, [])}};
        Error -> Error
    end),
    Held#held{users = case Users of
        #{Client := {N, Monitor}} -> Users#{Client := {N + 1, Monitor}};
        _ -> Users#{Client => {1, erlang:monitor(process, Client)}}
    end}.

%% It may have become longer since.
reaches(Spec, Held = #held{file = File, size = Known}) ->
    case is_within(Spec, Known) of
        true ->
            {ok, Held};
        false ->
            case checked(file:read_file_info(File, [{time, posix}]), Spec) of
                {ok, #file_info{size = Size}} -> {ok, Held#held{size = Size}};
                Error -> {Error, Held}
            end
    end.

unuse(Client, Held = #held{users = Users}) ->
    case Users of
        #{Client := {1, Monitor}} ->
            true = erlang:demonitor(Monitor, [flush]),
            Held#held{users = maps:remove(Client, Users)};
        #{Client := {N, Monitor}} ->
            Held#held{users = Users#{Client := {N - 1, Monitor}}};
        _ ->
            Held
    end.

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

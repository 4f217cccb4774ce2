%% Opens files of programs' (gwport_file), for those who send them.
%%
%% What a program names is not trusted. A process of its own opens the file and holds it: opening
%% may last for ever, whatever was looked at before, and the process that does it cannot be ended
%% meanwhile. Whoever asks waits as long as it likes. There are few such processes, and fewer that
%% open; where there would be too many, the program is told to send the bytes instead. Nobody ends
%% one but who has asked, by close/1 or by its own end: a file that was closed under a sender's
%% hands would be whatever got its number next.
%%
%% The file is checked when it is open: what the program's number stands for may be another one by
%% then, but what was opened does not change.
%%
%% A file without a name is one in memory, by which many bodies go: it stays open a while
%% for those that come next, and one process holds it for all of them. As long as it can be found in
%% the table, who finds it there and says that it uses it need not wait for an answer: whoever holds
%% it takes it out of the table first, and closes it some time after, if nobody has said so
%% meanwhile. A file of which somebody has not sent all is not kept: its program does not use it
%% again, and cannot free its memory as long as it is open here.
%% @hidden
-module(gwport_file_opener).

-export([create/0, open/3, close/1, drop/1]).

-export_type([opener/0, wanted/0]).

-include_lib("kernel/include/file.hrl").

-opaque opener() :: pid().
%% Which descriptor of the program; what it must turn out to be; and how many bytes it has at least.
-type wanted() :: {Descriptor :: non_neg_integer(), Device :: non_neg_integer(),
    Inode :: non_neg_integer(), End :: pos_integer()}.
-type key() :: {OsPid :: pos_integer(), Device :: non_neg_integer(), Inode :: non_neg_integer()}.
%% What an opener holds. How often each client uses it stands with what tells of the client's end.
-record(held, {
    file :: file:fd(),
    handle :: binary(),
    size :: non_neg_integer(),
    %% How long it stays open when nobody uses it, in milliseconds, and under what it is found.
    kept :: non_neg_integer(),
    key :: key(),
    is_found :: boolean(),
    users = #{} :: #{pid() => {pos_integer(), Monitor :: reference()}}
}).
%% CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, as linux/capability.h numbers them.
-define(READ_ANYTHING, 2#110).

%% How often one looks whether there is room for one more to be opening, a millisecond apart.
-define(LOOKS, 100).
%% How long a file without a name stays open for whom comes next, in milliseconds; how long it is
%% open when it is found no more; and how long those that come too late are told so.
-define(KEPT, 1000).
-define(KEPT_UNFOUND, 50).
-define(TOLD, 1000).

%% Called by the application's supervisor, which owns the table.
-spec create() -> ok.
create() ->
    ?MODULE = ets:new(?MODULE, [named_table, public, {read_concurrency, true}]),
    ok.

%% Opens what the program with this process id has, for the calling process, with what the socket's
%% driver knows the file by. If it is not open, the process is sent what Tell makes of the opener and
%% that, or {error, _}.
-spec open(OsPid :: pos_integer(), wanted(),
    Tell :: fun((opener(), {ok, Handle :: binary()} | {error, term()}) -> ok)) ->
    {open, opener(), Handle :: binary()} | {asked, opener()}.
open(OsPid, Wanted = {_, _, _, End}, Tell) ->
    Key = key(OsPid, Wanted),
    case holder(Key) of
        {ok, Opener, {Handle, Size}} when End =< Size ->
            using(Opener, Handle, Key, OsPid, {self(), Wanted, Tell});
        {ok, Opener, _} ->
            Opener ! {use, {self(), Wanted, Tell}},
            {asked, Opener};
        none ->
            {asked, new(Key, OsPid, {self(), Wanted, Tell})}
    end.

%% It is still found there when its holder has the word, and so is not closed before that is read.
using(Opener, Handle, Key, OsPid, Use = {Client, _, _}) ->
    Opener ! {using, Client},
    case find(Key) of
        {ok, Opener, _} ->
            {open, Opener, Handle};
        _ ->
            ok = close(Opener),
            {asked, new(Key, OsPid, Use)}
    end.

new(Key, OsPid, Use) ->
    Opener = spawn_opt(fun() ->
        gwport_failure:run("who opens a file", fun() -> opener(OsPid, Key, Use) end)
    end, [{priority, high}]),
    ok = announce(Key, Opener),
    Opener.

%% Called by who has asked for it, which is through with it.
-spec close(opener()) -> ok.
close(Opener) ->
    Opener ! {close, self()},
    ok.

%% The same, for one that has not sent all that it was asked to.
-spec drop(opener()) -> ok.
drop(Opener) ->
    Opener ! {drop, self()},
    ok.

%% There is a row {Key, Opener, {Handle, Size}} for each file without a name that is open, and
%% {place(Key), Opener, none} for the newest of them there. Where there was one, another is likely to
%% be of the same kind, and is found, with none, before it is open: many bodies come at once when it
%% is new.
key(OsPid, {_, Device, Inode, _}) ->
    {OsPid, Device, Inode}.

place({OsPid, Device, _}) ->
    {OsPid, Device}.

%% One that was killed could not take its row away.
holder(Key) ->
    case find(Key) of
        {ok, Opener, Open} ->
            case is_process_alive(Opener) of
                true -> {ok, Opener, Open};
                false -> forget(Key, Opener), none
            end;
        none ->
            none
    end.

announce(Key, Opener) ->
    case find(place(Key)) of
        {ok, _, _} -> _ = ets:insert_new(?MODULE, {Key, Opener, none}), ok;
        none -> ok
    end.

%% Without the application there is no table.
find(Key) ->
    try ets:lookup(?MODULE, Key) of
        [{_, Opener, Open}] -> {ok, Opener, Open};
        [] -> none
    catch
        error:badarg -> none
    end.

forget(Key, Opener) ->
    try ets:match_delete(?MODULE, {Key, Opener, '_'}) of
        true -> ok
    catch
        error:badarg -> ok
    end.

opener(OsPid, Key, Use = {_, Wanted, _}) ->
    MayOpen = gwport_file_count:open(),
    IsFound = try
        hold(opened(MayOpen, OsPid, Wanted), Key, Use)
    after
        forget(Key, self()),
        forget(place(Key), self()),
        gwport_file_count:close()
    end,
    IsFound andalso too_late().

%% Their programs send the bytes.
too_late() ->
    receive
        {use, {_, _, Tell}} -> Tell(self(), {error, closed}), too_late();
        _ -> too_late()
    after ?TOLD ->
        ok
    end.

opened(true, OsPid, Wanted) -> opened(?LOOKS, gwport_file_count:begin_opening(), OsPid, Wanted);
opened(false, _, _) -> {error, too_many}.

opened(_, {ok, Counts}, OsPid, Wanted) ->
    try
        open(OsPid, Wanted)
    after
        gwport_file_count:end_opening(Counts)
    end;
opened(0, full, _, _) ->
    {error, too_many};
opened(Left, full, OsPid, Wanted) ->
    receive after 1 -> opened(Left - 1, gwport_file_count:begin_opening(), OsPid, Wanted) end.

%% A program may hold by its name what it has no right to read, and would have us read it.
open(OsPid, Wanted) ->
    Process = "/proc/" ++ integer_to_list(OsPid),
    Ours = rights("/proc/self"),
    case rights(Process) of
        Ours when Ours =/= unknown -> open_ours(Process, Wanted);
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
open_ours(Process, Wanted = {Descriptor, _, _, _}) ->
    Name = lists:append([Process, "/fd/", integer_to_list(Descriptor)]),
    case file:read_file_info(Name, [raw, {time, posix}]) of
        {ok, #file_info{type = regular}} -> is_that(file:open(Name, [read, raw, binary]), Wanted);
        {ok, _} -> {error, no_file};
        Error -> Error
    end.

is_that({ok, File}, Wanted) ->
    case checked(file:read_file_info(File, [{time, posix}]), Wanted) of
        {ok, Info} -> {ok, File, Info};
        Error -> ok = file:close(File), Error
    end;
is_that(Error, _) ->
    Error.

checked({ok, Info = #file_info{type = regular, major_device = Device, inode = Inode, size = Size}},
        {_, Device, Inode, End}) ->
    case End =< Size of
        true -> {ok, Info};
        false -> {error, too_short}
    end;
checked({ok, _}, _) ->
    {error, other_file};
checked(Error, _) ->
    Error.

%% Whether others may have found it.
hold({ok, File, #file_info{size = Size, links = Links}}, Key, Use) ->
    Handle = prim_file:get_handle(File),
    Kept = kept(Links, Key, {Handle, Size}),
    held(use(Use, #held{file = File, handle = Handle, size = Size, kept = Kept, key = Key,
        is_found = Kept > 0})),
    _ = file:close(File),
    Kept > 0;
hold(Error, _, {_, _, Tell}) ->
    Tell(self(), Error),
    true.

%% How long it stays open when nobody uses it, in milliseconds.
kept(0, Key, Open) ->
    true = ets:insert(?MODULE, [{Key, self(), Open}, {place(Key), self(), none}]),
    ?KEPT;
kept(_, Key, _) ->
    forget(Key, self()),
    0.

held(Held = #held{users = Users, kept = Kept}) ->
    receive
        {use, Use} -> held(use(Use, Held));
        {using, Client} -> held(used(Client, Held));
        {close, Client} -> held(unuse(Client, Held));
        {drop, Client} -> held(dropped(unuse(Client, Held)));
        {'DOWN', _, process, Client, _} -> held(dropped(Held#held{users = maps:remove(Client, Users)}))
    after case map_size(Users) of 0 -> Kept; _ -> infinity end ->
        unused(Held)
    end.

unused(#held{is_found = false}) -> ok;
unused(Held = #held{key = Key}) ->
    forget(place(Key), self()),
    held(hidden(Held)).

%% Others of its program are as likely to come as before.
dropped(Held = #held{is_found = false}) -> Held;
dropped(Held) -> hidden(Held).

hidden(Held = #held{key = Key}) ->
    forget(Key, self()),
    Held#held{is_found = false, kept = ?KEPT_UNFOUND}.

%% Whoever asks for it closes it, whatever it is told.
use({Client, Wanted, Tell}, Held0 = #held{handle = Handle}) ->
    {Answer, Held} = reaches(Wanted, Held0),
    Tell(self(), case Answer of ok -> {ok, Handle}; Error -> Error end),
    used(Client, Held).

used(Client, Held = #held{users = Users}) ->
    Held#held{users = case Users of
        #{Client := {N, Monitor}} -> Users#{Client := {N + 1, Monitor}};
        _ -> Users#{Client => {1, erlang:monitor(process, Client)}}
    end}.

%% It may have become longer since.
reaches({_, _, _, End}, Held = #held{size = Known}) when End =< Known ->
    {ok, Held};
reaches(Wanted, Held = #held{file = File}) ->
    case checked(file:read_file_info(File, [{time, posix}]), Wanted) of
        {ok, #file_info{size = Size}} -> {ok, Held#held{size = Size}};
        Error -> {Error, Held}
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

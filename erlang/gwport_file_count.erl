%% How many files of programs' are open in this node (gwport_file_opener), and how many are being
%% opened, of how many there may be.
%%
%% Each process that has one open has a row, in a table that the application's supervisor owns, and
%% takes it away when it has closed the file. This process monitors all of them, for those that are
%% killed, and whose file the BEAM closes: it takes their rows away. When it is killed itself, its
%% successor finds in the table who is to be monitored.
%% @hidden
-module(gwport_file_count).
-behaviour(gen_server).

%% API
-export([create/0, start_link/0, is_there/0, max_open/1, open/0, close/0, begin_opening/0,
    end_opening/1]).
%% gen_server
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-export_type([counts/0]).

-opaque counts() :: atomics:atomics_ref().

%% How many may be opening at once, of the node's dirty schedulers for I/O (10 by default), which
%% opening keeps busy.
-define(OPENING, 1).
-define(MAX_OPENING, 6).
%% How many may be open: one in so many descriptors of the node, within bounds.
-define(MAX_OPEN, 2).
-define(SHARE, 8).
-define(FEWEST_OPEN, 16).
-define(MOST_OPEN, 1024).

%% API

%% Called by the application's supervisor. Without the application no file is taken.
-spec create() -> ok.
create() ->
    Limits = [Max || {max_fds, Max} <- lists:flatten(erlang:system_info(check_io))],
    Counts = atomics:new(?MAX_OPEN, []),
    ok = atomics:put(Counts, ?MAX_OPEN, max_open(lists:max([0 | Limits]))),
    ?MODULE = ets:new(?MODULE, [named_table, public]),
    _ = gwport_seen:is_first(?MODULE, Counts),
    ok.

-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

-spec is_there() -> boolean().
is_there() ->
    gwport_seen:find(?MODULE) =/= none.

%% How many files may be open in a node that may have so many descriptors.
-spec max_open(Descriptors :: non_neg_integer()) -> pos_integer().
max_open(Descriptors) ->
    max(?FEWEST_OPEN, min(?MOST_OPEN, Descriptors div ?SHARE)).

%% Called by who is about to open a file: whether it may. It is counted in either case, until
%% close/0. Its monitor is told before there is a row: whoever is killed in between has none.
-spec open() -> boolean().
open() ->
    ok = gen_server:cast(?MODULE, {monitor, self()}),
    try
        true = ets:insert(?MODULE, {self()}),
        {ok, Counts} = gwport_seen:find(?MODULE),
        ets:info(?MODULE, size) =< atomics:get(Counts, ?MAX_OPEN)
    catch
        %% There is no application any more.
        error:_ -> false
    end.

%% The file is closed, or has not been opened.
-spec close() -> ok.
close() ->
    forget(self()).

%% Whether one more file may be opened now. If so, end_opening/1 has to follow. Of one that is
%% killed meanwhile it never does: for all that is known, what it has called keeps its scheduler
%% busy.
-spec begin_opening() -> {ok, counts()} | full.
begin_opening() ->
    case gwport_seen:find(?MODULE) of
        {ok, Counts} -> begin_opening(atomics:add_get(Counts, ?OPENING, 1), Counts);
        none -> full
    end.

begin_opening(Opening, Counts) when Opening =< ?MAX_OPENING ->
    {ok, Counts};
begin_opening(_, Counts) ->
    ok = end_opening(Counts),
    full.

-spec end_opening(counts()) -> ok.
end_opening(Counts) ->
    atomics:sub(Counts, ?OPENING, 1).

%% gen_server

-spec init([]) -> {ok, []}.
init([]) ->
    _ = [erlang:monitor(process, Opener) || {Opener} <- ets:tab2list(?MODULE)],
    {ok, []}.

-spec handle_call(_, gen_server:from(), []) -> {noreply, []}.
handle_call(_, _, State) ->
    {noreply, State}.

-spec handle_cast({monitor, pid()}, []) -> {noreply, []}.
handle_cast({monitor, Opener}, State) ->
    _ = erlang:monitor(process, Opener),
    {noreply, State}.

-spec handle_info(term(), []) -> {noreply, []}.
handle_info({'DOWN', _, process, Opener, _}, State) ->
    ok = forget(Opener),
    {noreply, State};
handle_info(_, State) ->
    {noreply, State}.

%% Without the application there is no table.
forget(Opener) ->
    try ets:delete(?MODULE, Opener) of
        true -> ok
    catch
        error:badarg -> ok
    end.

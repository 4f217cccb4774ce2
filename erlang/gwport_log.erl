%% What a program says: the lines of its standard error and its `log` frames go to OTP's logger.
%%
%% It owns a Unix socket (gwport_log_socket), to which the program connects its descriptor 2 before
%% user code runs, so that a crash trace (gwport_log_crash) arrives whole although the program is
%% dying. It reads as soon as it is told which process that is, and discards what is beyond its budget
%% of lines, so that neither the program nor the port's owner ever waits for a log. It outlives the
%% owner until the socket is closed, or for LINGER ms.
%% @hidden
-module(gwport_log).
-behaviour(gen_server).

-export([let_through/0, withhold/1]).
-export([start_link/1, open/1, attend/2, belongs/2, follow/2, frame/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, format_status/1]).

-include_lib("kernel/include/logger.hrl").

-export_type([log/0]).

%% How the owner reaches this process: with a count of what waits there.
-opaque log() :: {pid(), counters:counters_ref()}.

-record(log, {
    pool :: atom(),
    listener :: gwport_log_socket:listener() | none,
    %% Whether the owner has ended.
    lingers = false :: boolean(),
    socket :: gen_tcp:socket() | undefined,
    %% Whether the id of the program's process is known: it is in the metadata of every event.
    knows = false :: boolean(),
    rest = <<>> :: binary(),
    crash = none :: none | gwport_log_crash:crash(),
    %% Lines that may still be logged in this second, and how many were discarded.
    budget :: non_neg_integer(),
    %% What is less severe is not logged, and not counted.
    level :: logger:level(),
    lines :: non_neg_integer(),
    discarded = 0 :: non_neg_integer(),
    waiting :: counters:counters_ref()
}).

-define(LINGER, 5000).
-define(SECOND, 1000).
%% Who this is, where it fails.
-define(WHO, "the log of a port").
%% Log frames that may wait for this process, and the two counters.
-define(MAX_WAITING, 1000).
-define(WAITING, 1).
-define(DISCARDED, 2).

%% OTP's default is to drop what is less severe than a notice, and so what a program logs as info. Where
%% a node has that default, what programs log is let through: log_level bounds it. A node with
%% another level, or with one for this module, is left alone. Called by the application.
-spec let_through() -> IsDone :: boolean().
let_through() ->
    case {logger:get_primary_config(), logger:get_module_level(?MODULE)} of
        {#{level := notice}, []} -> ok =:= logger:set_module_level(?MODULE, debug);
        _ -> false
    end.

%% What let_through/0 has done is undone.
-spec withhold(IsDone :: boolean()) -> ok.
withhold(true) ->
    %% Another level is somebody else's, who has set it meanwhile.
    case logger:get_module_level(?MODULE) of
        [{?MODULE, debug}] -> logger:unset_module_level(?MODULE);
        _ -> ok
    end;
withhold(false) ->
    ok.

-spec start_link(#{pool := atom(), log_lines := non_neg_integer(),
    log_level := logger:level()}) -> {ok, pid()}.
start_link(Options) ->
    gen_server:start_link(?MODULE, Options, []).

%% What frame/2 wants, and the socket's path; "" if there is none: the program then keeps the BEAM's
%% standard error.
-spec open(pid()) -> {log(), Path :: string()}.
open(Pid) ->
    gen_server:call(Pid, open).

%% Ends some time after Owner does, or whoever opened it.
-spec attend(pid(), pid()) -> ok.
attend(Log, Owner) ->
    gen_server:cast(Log, {attend, Owner}).

%% Called by the owner when its program runs: the events name it.
-spec belongs(log(), OsPid :: pos_integer() | undefined) -> ok.
belongs({Pid, _}, OsPid) ->
    gen_server:cast(Pid, {belongs, OsPid}).

%% The calling process is sent {Tag, _, process, _, Reason} at its end, which is `normal' where
%% there is nothing to be read any more.
-spec follow(log(), Tag :: term()) -> reference().
follow({Pid, _}, Tag) ->
    erlang:monitor(process, Pid, [{tag, Tag}]).

%% Called by the owner with the payload of a `log` frame. What does not fit in is discarded here.
-spec frame(log(), binary()) -> ok.
frame({Pid, Waiting}, Payload) ->
    case counters:get(Waiting, ?WAITING) of
        N when N >= ?MAX_WAITING ->
            counters:add(Waiting, ?DISCARDED, 1);
        _ ->
            counters:add(Waiting, ?WAITING, 1),
            gen_server:cast(Pid, {frame, Payload})
    end.

init(#{pool := Pool, log_lines := Lines, log_level := Level}) ->
    process_flag(trap_exit, true),
    logger:set_process_metadata(#{pool => Pool}),
    _ = erlang:send_after(?SECOND, self(), second),
    {ok, #log{pool = Pool, listener = gwport_log_socket:listen(Pool), budget = Lines, lines = Lines,
        level = Level, waiting = counters:new(2, [])}}.

handle_call(open, {Opener, _}, State = #log{listener = Listener, waiting = Waiting}) ->
    _ = erlang:monitor(process, Opener),
    Path = case Listener of none -> ""; _ -> gwport_log_socket:path(Listener) end,
    {reply, {{self(), Waiting}, Path}, State}.

handle_cast(Message, State) ->
    gwport_failure:callback(?WHO, State, fun() -> told(Message, State) end).

told({attend, Owner}, State) ->
    _ = erlang:monitor(process, Owner),
    {noreply, State};
told({belongs, OsPid}, State) ->
    _ = [logger:update_process_metadata(#{os_pid => OsPid}) || OsPid =/= undefined],
    {noreply, listening(State#log{knows = true})};
told({accepted, Socket}, State) ->
    {noreply, listening((unlisten(State))#log{socket = Socket})};
told({frame, Payload}, State = #log{waiting = Waiting}) ->
    counters:sub(Waiting, ?WAITING, 1),
    {noreply, log_frame(gwport_log_frame:read(Payload), State)}.

handle_info(Message, State) ->
    gwport_failure:callback(?WHO, State, fun() -> hear(Message, State) end).

hear({tcp, Socket, Data}, State = #log{socket = Socket, rest = Rest}) ->
    State1 = lines(<<Rest/binary, Data/binary>>, State),
    _ = inet:setopts(Socket, [{active, once}]),
    {noreply, State1};
%% A program may close its standard error, and have more to say in frames.
hear({tcp_closed, Socket}, State = #log{socket = Socket}) ->
    closed(State);
hear({tcp_error, Socket, _}, State = #log{socket = Socket}) ->
    closed(State);
hear(second, State) ->
    _ = erlang:send_after(?SECOND, self(), second),
    {noreply, end_waiting(refill(not_taken(State)))};
hear({timeout, _, crash}, State = #log{crash = Crash}) ->
    case Crash =:= none orelse gwport_log_crash:is_closed(Crash) of
        true -> {noreply, State};
        false -> {noreply, await_crash(State)}
    end;
hear({'DOWN', _, process, _, _}, State = #log{socket = undefined, listener = none}) ->
    {stop, normal, State};
%% What it has said may not be read yet, nor its connection taken.
hear({'DOWN', _, process, _, _}, State) ->
    _ = erlang:send_after(?LINGER, self(), linger),
    {noreply, listening(State#log{lingers = true, knows = true})};
hear(linger, State) ->
    {stop, normal, State};
hear(_, State) ->
    {noreply, State}.

terminate(_, State) ->
    _ = gwport_failure:callback(?WHO, State,
        fun() -> unlisten(refill(last_words(last_line(State)))) end),
    gwport_failure:forget().

-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    gwport_failure:status(Status).

closed(State = #log{lingers = true}) ->
    {stop, normal, State};
closed(State) ->
    {noreply, (last_line(State))#log{socket = undefined}}.

listening(State = #log{knows = true, socket = Socket}) when Socket =/= undefined ->
    _ = inet:setopts(Socket, [{active, once}]),
    State;
listening(State) ->
    State.

unlisten(State = #log{listener = none}) ->
    State;
unlisten(State = #log{listener = Listener}) ->
    ok = gwport_log_socket:close(Listener),
    State#log{listener = none}.

%% Lines of standard error

lines(Data, State) ->
    case binary:split(Data, <<"\n">>) of
        [Line, Rest] ->
            lines(Rest, lists:foldl(fun line/2, State, gwport_line:pieces(without_cr(Line))));
        [Rest] ->
            {Pieces, Left} = gwport_line:full_pieces(Rest),
            (lists:foldl(fun line/2, State, Pieces))#log{rest = Left}
    end.

without_cr(Line) ->
    case byte_size(Line) - 1 of
        Size when Size >= 0, binary_part(Line, Size, 1) =:= <<"\r">> -> binary_part(Line, 0, Size);
        _ -> Line
    end.

last_line(State = #log{rest = <<>>}) -> State;
last_line(State = #log{rest = Rest}) -> line(Rest, State#log{rest = <<>>}).

%% An empty line says nothing, but sets apart what others say.
line(<<>>, State = #log{crash = none}) ->
    State;
line(Line, State = #log{crash = none}) ->
    case {gwport_line:begins_crash(Line) orelse gwport_line:begins_stack(Line),
            gwport_line:begins_recovered(Line)} of
        {true, _} -> await_crash(State#log{crash = gwport_log_crash:new(fatal, Line, now_ms())});
        {_, true} ->
            await_crash(State#log{crash = gwport_log_crash:new(recovered, Line, now_ms())});
        _ -> log_line(gwport_line:level(Line), State)
    end;
line(Line, State = #log{crash = Crash}) ->
    case gwport_line:begins_crash(Line) of
        true -> dies(gwport_log_crash:takes(Line, Crash), Line, State);
        false -> add(Line, Crash, State)
    end.

%% Where what came before takes no more, the last words are another event. The one before has waited
%% for the budget, and is left out if there is still none.
dies(true, Line, State = #log{crash = Crash}) ->
    add(Line, gwport_log_crash:fatal(Crash), State);
dies(false, Line, State) ->
    await_crash((over(State))#log{crash = gwport_log_crash:new(fatal, Line, now_ms())}).

over(State = #log{crash = Crash}) ->
    case may_log(State) of
        true -> log_crash(State#log{budget = State#log.budget - 1});
        false -> discard(gwport_log_crash:count(Crash), State)
    end.

add(Line, Crash0, State) ->
    case gwport_log_crash:add(Line, now_ms(), Crash0) of
        {added, Crash} -> State#log{crash = Crash};
        {full, Crash} -> discard(1, State#log{crash = Crash})
    end.

log_line({none, Line}, State) ->
    log(notice, gwport_line:text(Line), #{gwport => stderr}, State);
log_line({Severity, Line}, State) ->
    log(gwport_log_frame:level(Severity), gwport_line:text(Line), #{gwport => stderr}, State).

%% Looks whether a crash is over when it could be at the earliest.
await_crash(State = #log{crash = Crash}) ->
    case gwport_log_crash:left(now_ms(), Crash) of
        Left when Left > 0 ->
            _ = erlang:start_timer(Left, self(), crash),
            State;
        _ ->
            end_crash(State)
    end.

%% Where the budget is spent it waits for the next second; everything behind it is discarded then.
end_crash(State = #log{crash = Crash}) ->
    case may_log(State) of
        true -> log_crash(State#log{budget = State#log.budget - 1});
        false -> State#log{crash = gwport_log_crash:close(Crash)}
    end.

%% One event. A program's last words are logged whatever it has said before in this second.
log_crash(State = #log{crash = Crash}) ->
    Lines = gwport_log_crash:lines(Crash),
    logged(error, gwport_line:block(Lines), #{gwport => stderr}, State),
    State#log{crash = none}.

last_words(State = #log{crash = none}) -> State;
last_words(State = #log{lines = 0, crash = Crash}) -> discard(gwport_log_crash:count(Crash), State);
last_words(State) -> log_crash(State).

log_frame({ok, Level, Text, Meta, Dropped}, State) ->
    log(Level, Text, #{gwport => log, meta => Meta}, discard(Dropped, State));
log_frame({error, unreadable}, State) ->
    log(warning, <<"a log frame that cannot be read">>, #{gwport => stderr}, State);
log_frame({error, too_large}, State) ->
    discard(1, State).

%% The budget

log(Level, Text, Meta, State = #log{level = Least}) ->
    case logger:compare_levels(Level, Least) of
        lt -> State;
        _ -> spend(Level, Text, Meta, State)
    end.

spend(Level, Text, Meta, State = #log{budget = Budget}) ->
    case may_log(State) of
        true ->
            logged(Level, Text, Meta, State),
            State#log{budget = Budget - 1};
        false ->
            discard(1, State)
    end.

logged(Level, Text, Meta, #log{pool = Pool}) ->
    ?LOG(Level, "~ts", [Text], Meta),
    gwport_log_lines:add(Pool, Level, Text).

may_log(#log{budget = 0}) -> false;
may_log(#log{}) -> gwport_log_budget:take().

discard(Count, State = #log{discarded = Discarded}) ->
    State#log{discarded = Discarded + Count}.

not_taken(State = #log{waiting = Waiting}) ->
    Count = counters:get(Waiting, ?DISCARDED),
    counters:sub(Waiting, ?DISCARDED, Count),
    discard(Count, State).

refill(State = #log{discarded = 0, lines = Lines}) ->
    State#log{budget = Lines};
refill(State = #log{discarded = Discarded, lines = Lines, pool = Pool}) ->
    ?LOG_WARNING("gwport: ~b lines of pool ~ts were discarded", [Discarded, Pool]),
    State#log{budget = Lines, discarded = 0}.

end_waiting(State = #log{crash = none}) ->
    State;
end_waiting(State = #log{crash = Crash}) ->
    case gwport_log_crash:is_closed(Crash) of
        true -> end_crash(State);
        false -> State
    end.

now_ms() ->
    erlang:monotonic_time(millisecond).

%% What a program says: the lines of its standard error and its `log` frames go to OTP's logger.
%%
%% It owns a Unix socket in a directory of its own, to which the program connects its descriptor 2
%% before user code runs, so that a crash trace arrives whole although the program is dying. It
%% reads always and discards what is beyond its budget of lines, so that neither the program nor
%% the port's owner ever waits for a log. It outlives the owner until the socket is closed, or
%% for LINGER ms.
-module(gwport_log).
-behaviour(gen_server).

-export([start_link/1, open/1, attend/2, follow/2, frame/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, format_status/1]).

-include_lib("kernel/include/logger.hrl").

-export_type([log/0]).

%% How the owner reaches this process: with a count of what waits there.
-opaque log() :: {pid(), counters:counters_ref()}.

%% Lines of a crash are one event: in reverse, how many and how large, when the first and the last
%% came. When it is over it may wait for the budget.
-record(crash, {
    lines :: [binary()],
    count = 1 :: pos_integer(),
    bytes :: non_neg_integer(),
    first :: integer(),
    last :: integer(),
    over = false :: boolean()
}).

-record(log, {
    pool :: atom(),
    path :: string(),
    listener :: gen_tcp:socket() | undefined,
    %% Whether the owner has ended.
    lingers = false :: boolean(),
    socket :: gen_tcp:socket() | undefined,
    rest = <<>> :: binary(),
    crash = none :: none | #crash{},
    %% Lines that may still be logged in this second, and how many were discarded.
    budget :: non_neg_integer(),
    lines :: non_neg_integer(),
    discarded = 0 :: non_neg_integer(),
    waiting :: counters:counters_ref()
}).

-define(LINGER, 5000).
-define(SECOND, 1000).
-define(ACCEPT_AGAIN, 100).
%% Who this is, where it fails.
-define(WHO, "the log of a port").
%% What is logged of one crash; the rest of it is discarded.
-define(MAX_CRASH_LINES, 2000).
-define(MAX_CRASH_BYTES, 262144).
%% A crash is over when nothing has come for so long, or it has lasted for so long: then it was none,
%% and the program goes on.
-define(CRASH_SILENCE, 1000).
-define(CRASH_TIME, 5000).
-define(MAX_LOG_FRAME, 65536).
%% Log frames that may wait for this process, and the two counters.
-define(MAX_WAITING, 1000).
-define(WAITING, 1).
-define(DISCARDED, 2).

-spec start_link(#{pool := atom(), log_lines := non_neg_integer()}) -> {ok, pid()}.
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

init(#{pool := Pool, log_lines := Lines}) ->
    process_flag(trap_exit, true),
    logger:set_process_metadata(#{pool => Pool}),
    _ = erlang:send_after(?SECOND, self(), second),
    {Path, Listener} = listen(Pool),
    {ok, #log{pool = Pool, path = Path, listener = Listener, budget = Lines, lines = Lines,
        waiting = counters:new(2, [])}}.

%% In a directory that only this user may enter; both go as soon as the program has connected. The
%% program may run in another one than we do, so a path that is relative would be lost on it.
listen(Pool) ->
    Dir = filename:absname(filename:join(os:getenv("TMPDIR", "/tmp"),
        "gwport-" ++ os:getpid() ++ "-" ++ unique())),
    Path = filename:join(Dir, "stderr"),
    ok = gwport_os:keep_socket(Path),
    maybe_listen(Pool, Dir, Path, [fun() -> file:make_dir(Dir) end,
        fun() -> file:change_mode(Dir, 8#700) end]).

maybe_listen(Pool, Dir, Path, Steps) ->
    case lists:dropwhile(fun(Step) -> Step() =:= ok end, Steps) of
        [] -> accept(Pool, Dir, Path, gen_tcp:listen(0, [local, {ifaddr, {local, Path}}, binary,
            {active, false}, {backlog, 1}]));
        [_ | _] -> no_socket(Pool, Dir)
    end.

accept(_, _, Path, {ok, Listener}) ->
    Log = self(),
    _ = proc_lib:spawn_link(fun() -> acceptor(Listener, Log) end),
    {Path, Listener};
accept(Pool, Dir, _, {error, _}) ->
    no_socket(Pool, Dir).

no_socket(Pool, Dir) ->
    _ = file:del_dir(Dir),
    ?LOG_WARNING("gwport: no socket in ~ts; standard error of pool ~s is that of the BEAM",
        [Dir, Pool]),
    {"", undefined}.

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

handle_call(open, {Opener, _}, State = #log{path = Path, waiting = Waiting}) ->
    _ = erlang:monitor(process, Opener),
    {reply, {{self(), Waiting}, Path}, State}.

handle_cast(Message, State) ->
    gwport_failure:callback(?WHO, State, fun() -> told(Message, State) end).

told({attend, Owner}, State) ->
    _ = erlang:monitor(process, Owner),
    {noreply, State};
told({accepted, Socket}, State) ->
    _ = inet:setopts(Socket, [{active, once}]),
    {noreply, (unlisten(State))#log{socket = Socket}};
told({frame, Payload}, State = #log{waiting = Waiting}) ->
    counters:sub(Waiting, ?WAITING, 1),
    {noreply, log_frame(Payload, State)}.

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
hear({timeout, _, crash}, State) ->
    {noreply, look_at_crash(State)};
hear({'DOWN', _, process, _, _}, State = #log{socket = undefined, listener = undefined}) ->
    {stop, normal, State};
%% What it has said may not be read yet, nor its connection taken.
hear({'DOWN', _, process, _, _}, State) ->
    _ = erlang:send_after(?LINGER, self(), linger),
    {noreply, State#log{lingers = true}};
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

unlisten(State = #log{listener = undefined}) ->
    State;
unlisten(State = #log{listener = Listener, path = Path}) ->
    ok = gen_tcp:close(Listener),
    _ = file:delete(Path),
    _ = file:del_dir(filename:dirname(Path)),
    State#log{listener = undefined}.

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

line(Line, State = #log{crash = none}) ->
    case gwport_line:begins_crash(Line) of
        true -> begin_crash(Line, State);
        false -> log(notice, gwport_line:text(Line), #{gwport => stderr}, State)
    end;
line(Line, State = #log{crash = Crash = #crash{over = false, count = Count, bytes = Bytes}})
        when Count < ?MAX_CRASH_LINES, Bytes + byte_size(Line) =< ?MAX_CRASH_BYTES ->
    State#log{crash = Crash#crash{lines = [Line | Crash#crash.lines], count = Count + 1,
        bytes = Bytes + byte_size(Line), last = now_ms()}};
line(_, State = #log{crash = Crash}) ->
    discard(1, State#log{crash = Crash#crash{last = now_ms()}}).

%% The lines of a crash

begin_crash(Line, State) ->
    Now = now_ms(),
    _ = erlang:start_timer(?CRASH_SILENCE, self(), crash),
    State#log{crash = #crash{lines = [Line], bytes = byte_size(Line), first = Now, last = Now}}.

%% Whether it is over. That is looked at when it could be at the earliest.
look_at_crash(State = #log{crash = #crash{over = false, first = First, last = Last}}) ->
    case min(Last + ?CRASH_SILENCE, First + ?CRASH_TIME) - now_ms() of
        Left when Left > 0 ->
            _ = erlang:start_timer(Left, self(), crash),
            State;
        _ ->
            end_crash(State)
    end;
look_at_crash(State) ->
    State.

%% Where the budget is spent it waits for the next second; everything behind it is discarded then.
end_crash(State = #log{crash = Crash}) ->
    case may_log(State) of
        true -> log_crash(State#log{budget = State#log.budget - 1});
        false -> State#log{crash = Crash#crash{over = true}}
    end.

%% One event. A program's last words are logged whatever it has said before in this second.
log_crash(State = #log{crash = #crash{lines = Lines}}) ->
    logger:log(error, "~ts", [gwport_line:block(lists:reverse(Lines))], #{gwport => stderr}),
    State#log{crash = none}.

last_words(State = #log{crash = none}) -> State;
last_words(State = #log{lines = 0, crash = #crash{count = Count}}) -> discard(Count, State);
last_words(State) -> log_crash(State).

%% Log frames (SPEC.md, D5)

log_frame(Payload, State) when byte_size(Payload) > ?MAX_LOG_FRAME ->
    discard(1, State);
log_frame(Payload, State) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, {Level, Text, Meta}} when is_integer(Level), is_binary(Text), is_map(Meta) ->
            log_meta(is_meta(Meta), level(Level), Text, Meta, State);
        _ ->
            unreadable(State)
    end.

log_meta(true, Level, Text, Meta, State) ->
    log(Level, [gwport_line:text(Text, attributes) | attributes(Meta)],
        #{gwport => log, meta => Meta}, lost(Meta, State));
log_meta(false, _, _, _, State) ->
    unreadable(State).

unreadable(State) ->
    log(warning, <<"a log frame that cannot be read">>, #{gwport => stderr}, State).

is_meta(Meta) ->
    lists:all(fun({Key, Value}) -> is_binary(Key) andalso is_value(Value) end, maps:to_list(Meta)).

is_value(Value) -> is_binary(Value) orelse is_number(Value) orelse is_boolean(Value).

lost(#{<<"dropped">> := Dropped}, State) when is_integer(Dropped), Dropped > 0 ->
    discard(Dropped, State);
lost(_, State) ->
    State.

level(0) -> emergency;
level(1) -> alert;
level(2) -> critical;
level(3) -> error;
level(4) -> warning;
level(5) -> notice;
level(6) -> info;
level(_) -> debug.

%% The stack of a panic is for people to read: its lines stand below.
attributes(Meta) ->
    [[$\s, gwport_line:attribute(Key), $=, value(Value)]
        || {Key, Value} <- maps:to_list(maps:without([<<"dropped">>, <<"stack">>], Meta))]
        ++ [[<<"\n    ">>, gwport_line:block(stack_lines(Stack))]
            || #{<<"stack">> := Stack} <- [Meta]].

stack_lines(Stack) when is_binary(Stack) ->
    binary:split(string:trim(Stack, trailing, "\n"), <<"\n">>, [global]);
stack_lines(Value) ->
    [iolist_to_binary(value(Value))].

value(Value) when is_binary(Value) -> gwport_line:attribute(Value);
value(Value) -> io_lib:format("~0p", [Value]).

%% The budget

log(Level, Text, Meta, State = #log{budget = Budget}) ->
    case may_log(State) of
        true ->
            logger:log(Level, "~ts", [Text], Meta),
            State#log{budget = Budget - 1};
        false ->
            discard(1, State)
    end.

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
    ?LOG_WARNING("gwport: ~b lines of pool ~s were discarded", [Discarded, Pool]),
    State#log{budget = Lines, discarded = 0}.

end_waiting(State = #log{crash = #crash{over = true}}) -> end_crash(State);
end_waiting(State) -> State.

now_ms() ->
    erlang:monotonic_time(millisecond).

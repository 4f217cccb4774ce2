%% What a program says: the lines of its standard error and its `log` frames go to OTP's logger.
%%
%% It owns a Unix socket in a directory of its own, to which the program connects its descriptor 2
%% before user code runs, so that a crash trace arrives whole although the program is dying. It
%% reads always and discards what is beyond its budget of lines, so that neither the program nor
%% the port's owner ever waits for a log. It outlives the owner until the socket is closed, or
%% for LINGER ms.
-module(gwport_log).
-behaviour(gen_server).

-export([start_link/1, open/1, attend/2, frame/2, printable/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-include_lib("kernel/include/logger.hrl").

-export_type([log/0]).

%% How the owner reaches this process: with a count of what waits there.
-opaque log() :: {pid(), counters:counters_ref()}.

-record(log, {
    pool :: atom(),
    path :: string(),
    listener :: gen_tcp:socket() | undefined,
    socket :: gen_tcp:socket() | undefined,
    rest = <<>> :: binary(),
    %% Lines of a crash, in reverse: they are one event.
    crash = [] :: [binary()],
    %% Lines that may still be logged in this second, and how many were discarded.
    budget :: non_neg_integer(),
    lines :: non_neg_integer(),
    discarded = 0 :: non_neg_integer(),
    waiting :: counters:counters_ref()
}).

-define(LINGER, 5000).
-define(SECOND, 1000).
-define(ACCEPT_AGAIN, 100).
%% A line longer than this is cut into pieces.
-define(MAX_LINE, 8192).
-define(MAX_CRASH_LINES, 2000).
%% A crash is over when nothing has come for so long.
-define(CRASH_SILENCE, 1000).
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

%% Ends some time after Owner does.
-spec attend(pid(), pid()) -> ok.
attend(Log, Owner) ->
    gen_server:cast(Log, {attend, Owner}).

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

%% Bytes of a program as text: what is not UTF-8 is taken for Latin-1.
-spec printable(binary()) -> unicode:chardata().
printable(Bytes) ->
    case unicode:characters_to_list(Bytes) of
        Text when is_list(Text) -> Text;
        _ -> binary_to_list(Bytes)
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

handle_call(open, _From, State = #log{path = Path, waiting = Waiting}) ->
    {reply, {{self(), Waiting}, Path}, State}.

handle_cast({attend, Owner}, State) ->
    _ = erlang:monitor(process, Owner),
    {noreply, State};
handle_cast({accepted, Socket}, State) ->
    ok = inet:setopts(Socket, [{active, once}]),
    {noreply, (unlisten(State))#log{socket = Socket}};
handle_cast({frame, Payload}, State = #log{waiting = Waiting}) ->
    counters:sub(Waiting, ?WAITING, 1),
    {noreply, log_frame(Payload, State)}.

handle_info({tcp, Socket, Data}, State = #log{socket = Socket, rest = Rest}) ->
    State1 = lines(<<Rest/binary, Data/binary>>, State),
    _ = inet:setopts(Socket, [{active, once}]),
    {noreply, State1};
handle_info({Closed, Socket}, State = #log{socket = Socket}) when Closed =:= tcp_closed ->
    {stop, normal, State};
handle_info({tcp_error, Socket, _}, State = #log{socket = Socket}) ->
    {stop, normal, State};
handle_info(second, State) ->
    _ = erlang:send_after(?SECOND, self(), second),
    {noreply, refill(not_taken(State))};
handle_info({timeout, _, crash}, State) ->
    {noreply, end_crash(State)};
handle_info({'DOWN', _, process, _, _}, State = #log{socket = undefined}) ->
    {stop, normal, State};
handle_info({'DOWN', _, process, _, _}, State) ->
    _ = erlang:send_after(?LINGER, self(), linger),
    {noreply, State};
handle_info(linger, State) ->
    {stop, normal, State};
handle_info(_, State) ->
    {noreply, State}.

terminate(_, State) ->
    State1 = last_line(State),
    _ = unlisten(refill(end_crash(State1))),
    ok.

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
        [Line, Rest] -> lines(Rest, line(Line, State));
        [<<Piece:?MAX_LINE/binary, Rest/binary>>] -> lines(Rest, line(Piece, State));
        [Rest] -> State#log{rest = Rest}
    end.

last_line(State = #log{rest = <<>>}) -> State;
last_line(State = #log{rest = Rest}) -> line(Rest, State#log{rest = <<>>}).

line(Line, State = #log{crash = []}) ->
    case starts_crash(Line) of
        true ->
            _ = erlang:start_timer(?CRASH_SILENCE, self(), crash),
            State#log{crash = [Line]};
        false ->
            log(notice, Line, #{}, State)
    end;
line(Line, State = #log{crash = Crash}) when length(Crash) < ?MAX_CRASH_LINES ->
    State#log{crash = [Line | Crash]};
line(_, State = #log{discarded = Discarded}) ->
    State#log{discarded = Discarded + 1}.

starts_crash(<<"panic: ", _/binary>>) -> true;
starts_crash(<<"fatal error: ", _/binary>>) -> true;
starts_crash(<<"runtime: ", _/binary>>) -> true;
starts_crash(<<"SIG", _/binary>>) -> true;
starts_crash(<<"Traceback (most recent call last)", _/binary>>) -> true;
starts_crash(_) -> false.

end_crash(State = #log{crash = []}) ->
    State;
end_crash(State = #log{crash = Crash}) ->
    Lines = iolist_to_binary(lists:join(<<"\n">>, lists:reverse(Crash))),
    logger:log(error, "~ts", [printable(Lines)], #{gwport => stderr}),
    State#log{crash = []}.

%% Log frames (SPEC.md, D5)

log_frame(Payload, State) when byte_size(Payload) > ?MAX_LOG_FRAME ->
    State#log{discarded = State#log.discarded + 1};
log_frame(Payload, State) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, {Level, Text, Meta}} when is_integer(Level), is_binary(Text), is_map(Meta) ->
            log(level(Level), Text, #{meta => Meta}, lost(Meta, State));
        _ ->
            log(warning, <<"a log frame that cannot be read">>, #{}, State)
    end.

lost(#{<<"dropped">> := Dropped}, State = #log{discarded = Discarded})
        when is_integer(Dropped), Dropped > 0 ->
    State#log{discarded = Discarded + Dropped};
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

%% The budget

log(_, _, _, State = #log{budget = 0, discarded = Discarded}) ->
    State#log{discarded = Discarded + 1};
log(Level, Text, Meta, State = #log{budget = Budget}) ->
    logger:log(Level, "~ts~ts", [printable(Text), attributes(Meta)], metadata(Meta)),
    State#log{budget = Budget - 1}.

attributes(#{meta := Meta}) ->
    [[$\s, printable(Key), $=, value(Value)]
        || {Key, Value} <- maps:to_list(Meta), is_binary(Key), Key =/= <<"dropped">>];
attributes(#{}) ->
    [].

value(Value) when is_binary(Value) -> printable(Value);
value(Value) -> io_lib:format("~0p", [Value]).

metadata(#{meta := Meta}) -> #{gwport => log, meta => Meta};
metadata(#{}) -> #{gwport => stderr}.

not_taken(State = #log{waiting = Waiting, discarded = Discarded}) ->
    Count = counters:get(Waiting, ?DISCARDED),
    counters:sub(Waiting, ?DISCARDED, Count),
    State#log{discarded = Discarded + Count}.

refill(State = #log{discarded = 0, lines = Lines}) ->
    State#log{budget = Lines};
refill(State = #log{discarded = Discarded, lines = Lines, pool = Pool}) ->
    ?LOG_WARNING("gwport: ~b lines of pool ~s were discarded", [Discarded, Pool]),
    State#log{budget = Lines, discarded = 0}.

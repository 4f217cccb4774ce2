%% The owner of a port: one running program.
%%
%% It owns the Erlang port, what has arrived of a frame, the table of streams (gwport_mux), and what
%% waits to be written (gwport_out). It opens the port, greets the program, numbers streams when it
%% writes their `open`, hands each frame to the client it is for, and ends the program. It
%% never waits: a program that does not read suspends gwport_writer's process alone; what is logged
%% goes through gwport_log.
%%
%% What is in its mailbox is taken before something is written, so that one write carries it all.
%%
%% Clients (any process) call open/3, send/4, consumed/3 and abort/3, and are sent
%% {Tag, {gwport, Event}}, see gwport_mux:event(); the last of them may be the watch's, which stands
%% beside the owner and speaks for it when it is killed (gwport_watch).
%%
%% It ends when the program ends, breaks the wire's rules, does not greet, does not answer a ping,
%% or has drained; its clients are told, and what is left of the program is killed by its process id
%% (gwport_os, which does that too when the owner is killed).
-module(gwport_port).
-behaviour(gen_server).

%% API
-export([start_link/1, open/3, send/4, consumed/3, abort/3, leave/2, drain/1, info/1]).
-export([has_app/2, apps/1, max_head/1, under_way/1, has_room/1, watch/1]).
%% gen_server.
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
-export([format_status/1]).

-export_type([handle/0, start/0, request/0, report/0]).

-include_lib("kernel/include/logger.hrl").

%% What a client needs of a port; read from the pool's table by every request.
-record(handle, {
    owner :: pid(),
    watch :: gwport_watch:watch(),
    load :: gwport_load:load(),
    max_head :: pos_integer(),
    apps :: [binary()]
}).
-opaque handle() :: #handle{}.

-type start() :: #{
    options := gwport_secret:secret(gwport_options:pool()), keeper := pid(), log := gwport_log:log(),
    %% The path of the socket for standard error; "" for none.
    stderr := string()
}.
%% What the keeper is told, by casts: the program has greeted; it takes no new streams, because it
%% drains or is gone.
-type report() ::
    {ready, Owner :: pid(), handle()}
  | {draining, Owner :: pid()}.

-type request() :: #{
    request := iodata(), body := none | now | continue, idempotent := boolean()
}.

-record(port, {
    phase = greeting :: greeting | serving | draining | ending,
    %% Without what only the start needs, and may be secret.
    options :: map(),
    keeper :: pid(),
    log :: gwport_log:log(),
    port :: port(),
    health :: gwport_health:health(),
    writer :: gwport_writer:writer(),
    out = gwport_out:new() :: gwport_out:out(),
    %% Messages that were taken since something was written, when something waits to be.
    taken = 0 :: non_neg_integer(),
    %% The number of the next stream. None is used twice; at the last one the port is drained, and
    %% replaced.
    next = 256 :: pos_integer(),
    last :: pos_integer(),
    watch :: gwport_watch:watch(),
    load :: gwport_load:load(),
    buffer :: gwport_frame:buffer(),
    mux :: gwport_mux:mux() | undefined,
    clients = gwport_clients:new() :: gwport_clients:clients(),
    program :: gwport_greeting:program() | undefined,
    timer :: reference() | undefined,
    exit_status = unknown :: unknown | non_neg_integer(),
    ended :: undefined | {While :: atom(), Reason :: term()}
}).

%% Who this is, where it fails.
-define(WHO, "the owner of a port").
%% How long a program has between a fault, or the end of its output, and being killed.
-define(END_GRACE, 1000).
%% At most so many messages are taken before something is written.
-define(BATCH, 512).
%% How often unanswered aborts are looked for.
-define(ABORT_CHECK, 30000).
%% What a drain names when no stream of the other side will be served [D1].
-define(NO_STREAM, 255).
%% The largest integer of a ping and a drain.
-define(MAX_INTEGER, 16#7fffffff).

%% API

-spec start_link(gwport_secret:secret(start())) -> {ok, pid()} | {error, term()}.
start_link(Start) ->
    gen_server:start_link(?MODULE, Start, []).

%% Opens a stream whose client is the calling process. Events come as {Tag, {gwport, Event}}; the
%% owner's death is {port_down, true, _} like any other end of the port. Call leave/2 when done. A
%% process that has one stream in its life says `ref`: Tag is the stream's reference then.
-spec open(handle(), request(), Tag :: ref | term()) -> {ok, reference()} | {error, not_entered}.
open(Handle = #handle{owner = Owner, watch = Watch, load = Load}, Request, Tag) ->
    Ref = erlang:alias(),
    {Stay, To} = case Tag of ref -> {once, {Ref, Ref}}; _ -> {stays, {Ref, Tag}} end,
    case gwport_watch:join(To, Watch) of
        ok ->
            Owner ! {open, Request#{client => {self(), Ref, To}, stay => Stay}},
            gwport_load:arrive(Load),
            {ok, Ref};
        gone ->
            leave(Handle, Ref),
            {error, not_entered}
    end.

%% Nothing more comes of the stream; what stands in the mailbox already is the caller's.
-spec leave(handle(), reference()) -> ok.
leave(#handle{}, Ref) ->
    _ = erlang:unalias(Ref),
    ok.

%% A chunk (iodata, at most 65,536 bytes and within credit), fin or trailers.
-spec send(handle(), reference(), chunk | fin | trailers, iodata() | list()) -> ok.
send(#handle{owner = Owner}, Ref, Kind, Data) ->
    Owner ! {send, Ref, Kind, Data},
    ok.

%% The client has taken so many bytes.
-spec consumed(handle(), reference(), non_neg_integer()) -> ok.
consumed(#handle{owner = Owner}, Ref, Bytes) ->
    Owner ! {consumed, Ref, Bytes},
    ok.

-spec abort(handle(), reference(), {gwport_frame:code(), binary()}) -> ok.
abort(#handle{owner = Owner}, Ref, {Code, Text}) ->
    Owner ! {abort, Ref, Code, Text},
    ok.

%% Takes no more streams; the program ends when those it has are done.
-spec drain(pid()) -> ok.
drain(Owner) ->
    Owner ! drain,
    ok.

-spec info(pid()) -> map().
info(Owner) ->
    gen_server:call(Owner, info).

-spec has_app(binary(), handle()) -> boolean().
has_app(<<>>, #handle{apps = []}) -> true;
has_app(App, #handle{apps = Apps}) -> lists:member(App, Apps).

-spec apps(handle()) -> [binary()].
apps(#handle{apps = Apps}) -> Apps.

-spec max_head(handle()) -> pos_integer().
max_head(#handle{max_head = MaxHead}) -> MaxHead.

-spec watch(handle()) -> gwport_watch:watch().
watch(#handle{watch = Watch}) -> Watch.

-spec under_way(handle()) -> integer().
under_way(#handle{load = Load}) -> gwport_load:under_way(Load).

-spec has_room(handle()) -> boolean().
has_room(#handle{load = Load}) -> gwport_load:has_room(Load).

%% gen_server

init(Secret) ->
    process_flag(trap_exit, true),
    #{options := Hidden, keeper := Keeper, log := Log, stderr := Stderr} = gwport_secret:show(Secret),
    Options = gwport_secret:show(Hidden),
    logger:set_process_metadata(#{pool => maps:get(name, Options)}),
    try open_port({spawn_executable, maps:get(command, Options)}, port_options(Options, Stderr)) of
        Port -> {ok, greeting(Port, maps:without([args, env], Options), Keeper, Log), {continue, greet}}
    catch
        error:Reason -> {stop, {shutdown, {open_port, Reason}}}
    end.

port_options(Options, Stderr) ->
    Socket = case Stderr of "" -> false; _ -> Stderr end,
    #{args := Args, env := Env, cd := Cd, port_queue := Queue} = Options,
    [binary, stream, use_stdio, exit_status, eof, hide,
        {args, Args},
        {env, Env ++ [{"GWPORT", "1"}, {"GWPORT_STDERR", Socket}]},
        {busy_limits_port, {Queue div 2, Queue}},
        {busy_limits_msgq, disabled}
        | [{cd, Cd} || Cd =/= undefined]].

greeting(Port, Options, Keeper, Log) ->
    #{max_streams := MaxStreams, window := Window, window_floor := Floor, response_budget := Budget,
        last_stream := Last, max_frame := MaxFrame} = Options,
    Load = gwport_load:new(#{max_streams => MaxStreams, window => Window, floor => Floor,
        budget => Budget}),
    _ = gwport_log:follow(Log, gwport_log_down),
    Health = gwport_health:new(erlang:port_info(Port, os_pid), Options),
    Watch = gwport_watch:start_link(Keeper),
    #port{options = Options, keeper = Keeper, log = Log, port = Port, health = Health,
        load = Load, watch = Watch, writer = gwport_writer:start_link(Port), last = Last,
        buffer = gwport_frame:new(MaxFrame)}.

handle_continue(greet, State) ->
    gwport_failure:callback(?WHO, State, fun() -> settle(greet(State)) end).

greet(State = #port{options = Options}) ->
    Hello = gwport_frame:encode(hello, gwport_greeting:hello(Options)),
    {noreply, timer(maps:get(greeting_timeout, Options), control(Hello, State))}.

handle_call(info, From, State) ->
    gwport_failure:callback(?WHO, State, fun() ->
        gen_server:reply(From, info_map(State)),
        settle({noreply, State})
    end).

info_map(#port{phase = Phase, health = Health, program = Program, mux = Mux, load = Load}) ->
    #{streams := Streams, budget_left := BudgetLeft} = gwport_load:info(Load),
    #{owner => self(), state => Phase, os_pid => gwport_health:os_pid(Health),
        program => said(name, Program, <<>>),
        version => said(program_version, Program, <<>>),
        apps => said(apps, Program, []),
        in_flight => Streams,
        served => case Mux of undefined -> 0; _ -> gwport_mux:served(Mux) end,
        budget_left => BudgetLeft}.

%% Before the greeting nothing is known of the program.
said(_, undefined, Nothing) -> Nothing;
said(Key, Program, _) -> maps:get(Key, Program).

handle_cast(_, State) ->
    gwport_failure:callback(?WHO, State, fun() -> settle({noreply, State}) end).

handle_info(Message, State) ->
    gwport_failure:callback(?WHO, State, fun() -> settle(hear(Message, State)) end).

%% Whatever was done: what waits to be written is, when nothing more is in the mailbox (which is a
%% timeout of 0 to gen_server) or much was taken out of it. What the port does not take waits for the
%% writer, and what does not fit into one write comes behind what has arrived meanwhile.
settle({noreply, State = #port{taken = Taken, out = Out}}) ->
    case can_write(State) of
        false -> {noreply, State};
        true when Taken < ?BATCH ->
            case gwport_out:is_full(Out) of
                false -> {noreply, State#port{taken = Taken + 1}, 0};
                true -> written(write(State))
            end;
        true -> written(write(State))
    end;
settle(Stop) ->
    Stop.

written(State) ->
    case can_write(State) of
        false -> {noreply, State};
        true -> {noreply, State, 0}
    end.

can_write(#port{out = Out, writer = Writer}) ->
    gwport_writer:is_free(Writer) andalso not gwport_out:is_empty(Out).

hear({Port, {data, Bin}}, State = #port{port = Port, phase = Phase}) when Phase =/= ending ->
    data(gwport_frame:parse(Bin, State#port.buffer), State);
hear({send, Ref, Kind, Data}, State = #port{mux = Mux}) when Mux =/= undefined ->
    {noreply, run(gwport_mux:send(Ref, Kind, Data, Mux), State)};
hear({consumed, Ref, Bytes}, State = #port{mux = Mux}) when Mux =/= undefined ->
    {noreply, run(gwport_mux:consumed(Ref, Bytes, Mux), State)};
hear({open, Open}, State) ->
    {noreply, open(Open, State)};
hear(timeout, State) ->
    {noreply, case can_write(State) of true -> write(State); false -> State end};
hear({gwport_writer, through}, State = #port{writer = Writer}) ->
    {noreply, State#port{writer = gwport_writer:through(Writer)}};
hear({gwport_down, _, process, Pid, _}, State = #port{clients = Clients}) ->
    {Streams, Clients1} = gwport_clients:down(Pid, Clients),
    {noreply, lists:foldl(fun down/2, State#port{clients = Clients1}, Streams)};
hear({abort, Ref, Code, Text}, State = #port{mux = Mux}) when Mux =/= undefined ->
    {noreply, abort(Ref, Code, Text, State)};
hear({Port, {exit_status, Status}}, State = #port{port = Port}) ->
    exited(State#port{exit_status = Status});
hear({Port, eof}, State = #port{port = Port}) ->
    end_of_output(State);
hear({'EXIT', Port, Reason}, State = #port{port = Port}) ->
    %% With output still queued this is all that comes: no end of file, no exit status.
    gone(#{clean => false, reason => Reason}, State);
hear(drain, State) ->
    {noreply, drain_program(State)};
hear({gwport_log_down, _, _, _, Reason}, State) when Reason =/= normal ->
    %% Nobody reads the program's standard error any more, and nobody else can.
    {noreply, drain_program(State)};
hear({gwport_health, What}, State = #port{health = Health}) ->
    health(gwport_health:hear(What, Health), State);
hear({gwport_os, What}, State = #port{health = Health}) ->
    health(gwport_health:hear(What, Health), State);
hear(check_aborts, State = #port{clients = Clients}) ->
    check_aborts(State#port{clients = gwport_clients:sweep(Clients)});
hear({timeout, Timer, _}, State = #port{timer = Timer}) ->
    timeout(State);
hear({'EXIT', Pid, Reason}, State) ->
    ended(Pid, Reason, State);
hear(_, State) ->
    {noreply, State}.

ended(Pid, Reason, State = #port{watch = Watch, writer = Writer}) ->
    case {gwport_watch:is_watch(Pid, Watch), gwport_writer:is_writer(Pid, Writer)} of
        {true, _} -> gone(#{clean => false, reason => {watch, gwport_failure:tag(Reason)}}, State);
        {_, true} when Reason =:= normal -> {noreply, closed(State)};
        {_, true} -> gone(#{clean => false, reason => {writer, gwport_failure:tag(Reason)}}, State);
        {false, false} -> {stop, Reason, State}
    end.

%% The port was closed under a write; its own message is on its way.
closed(State) ->
    timer(?END_GRACE, stop_opening(State)).

-spec report(pid(), report()) -> ok.
report(Keeper, Report) ->
    gen_server:cast(Keeper, Report).

%% Greeting

data({ok, Frames, Buffer}, State) ->
    frames(Frames, State#port{buffer = Buffer});
data({error, {bad_frame, Sentence}, Frames}, State) ->
    case frames(Frames, State) of
        {noreply, State1 = #port{phase = Phase}} when Phase =/= ending ->
            wire_fault(bad_frame, Sentence, State1);
        Ended ->
            Ended
    end.

frames([], State) ->
    {noreply, State};
frames([Frame | Rest], State) ->
    case frame(Frame, State) of
        {noreply, State1 = #port{phase = Phase}} when Phase =/= ending -> frames(Rest, State1);
        Ended -> Ended
    end.

frame(Frame = {_, _, _}, State = #port{mux = Mux}) when Mux =/= undefined ->
    case gwport_mux:frame(Frame, Mux) of
        {ok, Commands, Mux1} -> {noreply, run({Commands, Mux1}, State)};
        {fault, bad_stream, Sentence} -> wire_fault(bad_stream, Sentence, State)
    end;
frame({fault, Payload}, State) ->
    program_fault(gwport_frame:decode_payload(Payload), State);
frame({Kind, Payload}, State = #port{phase = greeting}) ->
    greeted(gwport_greeting:first(Kind, Payload), State);
frame({ready, _}, State) ->
    wire_fault(bad_greeting, <<"a second ready">>, State);
frame({log, Payload}, State = #port{log = Log}) ->
    gwport_log:frame(Log, Payload),
    {noreply, State};
frame({Kind, Payload}, State) ->
    port_frame(Kind, gwport_frame:decode_payload(Payload), State);
frame({Kind, _, Payload}, State) ->
    greeted(gwport_greeting:first(Kind, Payload), State).

greeted({error, Fault, Sentence}, State) ->
    wire_fault(Fault, Sentence, State);
greeted({ok, Program}, State = #port{options = Options, load = Load, health = Health}) ->
    #{window := Window, max_head := MaxHead, max_streams := MaxStreams, apps := Apps} = Program,
    gwport_load:limit(MaxStreams, Load),
    Mux = gwport_mux:new(#{window => Window, max_head => maps:get(max_head, Options)}),
    report(State#port.keeper, {ready, self(),
        #handle{owner = self(), watch = State#port.watch, load = Load, max_head = MaxHead,
            apps = Apps}}),
    gwport_health:greeted(Health),
    _ = erlang:send_after(?ABORT_CHECK, self(), check_aborts),
    {noreply, timer(infinity, State#port{phase = serving, program = Program, mux = Mux})}.

%% Frames without a stream

port_frame(ping, {ok, N}, State) when is_integer(N), N >= 0, N =< ?MAX_INTEGER ->
    {noreply, control(gwport_frame:encode(pong, N), State)};
port_frame(pong, {ok, N}, State = #port{health = Health}) ->
    case gwport_health:pong(N, Health) of
        {ok, Health1} -> {noreply, State#port{health = Health1}};
        error -> out_of_place(pong, State)
    end;
port_frame(drain, {ok, Last}, State)
        when is_integer(Last), Last >= ?NO_STREAM, Last =< ?MAX_INTEGER ->
    {noreply, program_drains(Last, State)};
port_frame(Kind, error, State) ->
    wire_fault(bad_frame,
        <<"the payload of ", (atom_to_binary(Kind))/binary, " is not a term">>, State);
port_frame(Kind, _, State) ->
    out_of_place(Kind, State).

out_of_place(Kind, State) ->
    wire_fault(bad_frame, <<(atom_to_binary(Kind))/binary, " out of place or misshapen">>, State).

program_fault({ok, {Code, Text}}, State) when is_integer(Code), is_binary(Text) ->
    Name = gwport_frame:fault_name(Code),
    ?LOG_ERROR("gwport: the program of pool ~s gave up (~s): ~ts",
        [pool(State), Name, gwport_line:text(Text)]),
    gone(#{clean => false, reason => {fault, Name}}, State);
program_fault(_, State) ->
    program_fault({ok, {2, <<"a fault that cannot be read">>}}, State).

%% Streams

open(Open, State = #port{out = Out}) ->
    case gwport_out:open(Open, Out) of
        {ok, Out1} ->
            State#port{out = Out1};
        refused ->
            refuse(Open, draining, State),
            State
    end.

refuse(Open = #{client := {_, _, To}}, Why, State) ->
    left(Open, State),
    gwport_watch:tell(To, {refused, Why}).

%% It does not become a stream.
left(#{client := {_, Ref, _}}, #port{load = Load, watch = Watch}) ->
    gwport_watch:leave(Ref, Watch),
    gwport_load:left(Load).

%% Opens that wait are refused, and those that come from now on.
stop_opening(State = #port{out = Out}) ->
    {Opens, Out1} = gwport_out:stop_opening(Out),
    lists:foreach(fun(Open) -> refuse(Open, draining, State) end, Opens),
    State#port{out = Out1}.

abort(Ref, Code, Text, State = #port{out = Out, mux = Mux}) ->
    case gwport_out:withdraw(Ref, Out) of
        none ->
            run(gwport_mux:abort(Ref, Code, Text, Mux), State);
        {Open, Out1} ->
            left(Open, State),
            State#port{out = Out1}
    end.

%% The client's end is the abort of what it had.
down(Stream, State = #port{mux = Mux}) ->
    run(gwport_mux:down(Stream, cancelled, Mux), State).

run({Commands, Mux}, State) ->
    lists:foldl(fun command/2, State#port{mux = Mux}, Commands).

command({deliver, To, Event}, State) ->
    gwport_watch:tell(To, Event),
    State;
command({write, Stream, abort, Term}, State = #port{out = Out}) ->
    State#port{out = gwport_out:drop(Stream, gwport_frame:encode(abort, Stream, Term), Out)};
command({replace, Stream, Term}, State = #port{out = Out}) ->
    State#port{out = gwport_out:replace(Stream, gwport_frame:encode(abort, Stream, Term), Out)};
command({write, Stream, credit, Grant}, State) ->
    control(gwport_frame:encode(credit, Stream, Grant), State);
command({write, Stream, Kind, Term}, State = #port{out = Out}) ->
    State#port{out = gwport_out:body(Stream, gwport_frame:encode(Kind, Stream, Term), Out)};
command({closed, Stream, {Pid, Ref, _}, Window, Free}, State = #port{watch = Watch}) ->
    gwport_watch:leave(Ref, Watch),
    Clients = gwport_clients:remove(Pid, Stream, State#port.clients),
    free(Free, Window, State#port{clients = Clients}).

%% The place of a stream that is over.
free(now, Window, State = #port{load = Load}) ->
    gwport_load:leave(Window, Load),
    State;
free(written, Window, State = #port{out = Out}) ->
    State#port{out = gwport_out:leave(Window, Out)}.

%% Writing

control(Frame, State = #port{out = Out}) ->
    State#port{out = gwport_out:control(Frame, Out)}.

write(State0) ->
    {Frames, State = #port{out = Out, writer = Writer}} = number(places(State0)),
    {Data, Out1} = gwport_out:take(Frames, Out),
    {Said, Writer1} = gwport_writer:write(Data, Writer),
    State1 = State#port{out = Out1, writer = Writer1, taken = 0},
    case Said of
        ok -> State1;
        closed -> closed(State1)
    end.

%% An abort frees the place that an open takes behind it.
places(State = #port{out = Out, load = Load}) ->
    {Windows, Out1} = gwport_out:left(Out),
    lists:foreach(fun(Window) -> gwport_load:leave(Window, Load) end, Windows),
    State#port{out = Out1}.

number(State = #port{out = Out}) ->
    {Opens, Out1} = gwport_out:opens(Out),
    {Frames, State1} = lists:foldl(fun number/2, {[], State#port{out = Out1}}, Opens),
    {lists:reverse(Frames), State1}.

number(Open, {Frames, State = #port{next = N, last = Last}}) when N > Last ->
    refuse(Open, draining, State),
    {Frames, State};
number(Open = #{request := Request}, {Frames, State = #port{next = N, load = Load}}) ->
    case gwport_load:enter(Load) of
        {ok, Window} ->
            {[gwport_frame:encode_open(N, Window, Request) | Frames], opened(Open, Window, State)};
        busy ->
            refuse(Open, busy, State),
            {Frames, State}
    end.

opened(Open, Window, State = #port{next = N, last = Last, mux = Mux}) ->
    #{client := {Pid, _, _}, stay := Stay} = Open,
    Clients = gwport_clients:add({Pid, Stay}, N, State#port.clients),
    %% Told behind this open, or the program would end before it.
    _ = [drain(self()) || N + 2 > Last],
    run(gwport_mux:opened(Open#{stream => N, window => Window}, Mux),
        State#port{next = N + 2, clients = Clients}).

%% Health

health(ok, State) ->
    {noreply, State};
health({ping, N, Health}, State) ->
    {noreply, control(gwport_frame:encode(ping, N), State#port{health = Health})};
health({fault, Sentence}, State) ->
    wire_fault(failed, Sentence, State);
health(lifeless, State) ->
    gone(#{clean => false, reason => lifeless}, State).

check_aborts(State = #port{mux = Mux}) ->
    _ = erlang:send_after(?ABORT_CHECK, self(), check_aborts),
    case gwport_mux:overdue(Mux) of
        {0, Mux1} ->
            {noreply, State#port{mux = Mux1}};
        {Count, Mux1} ->
            wire_fault(failed, iolist_to_binary(io_lib:format(
                "~b aborts were not answered within ~b ms", [Count, ?ABORT_CHECK])),
                State#port{mux = Mux1})
    end.

%% Draining

drain_program(State = #port{phase = serving}) ->
    draining(control(gwport_frame:encode(drain, ?NO_STREAM), State));
drain_program(State = #port{phase = greeting}) ->
    timer(0, State#port{phase = draining});
drain_program(State) ->
    State.

program_drains(Last, State = #port{mux = Mux}) ->
    draining(run(gwport_mux:drained(Last, Mux), State)).

draining(State = #port{phase = draining}) ->
    State;
draining(State = #port{keeper = Keeper, options = Options}) ->
    report(Keeper, {draining, self()}),
    %% The program aborts what is left when the timeout has passed; it gets a moment to say so.
    timer(maps:get(drain_timeout, Options) + ?END_GRACE,
        stop_opening(State#port{phase = draining})).

%% The end

%% Output may follow the exit status, or a grandchild may hold it open.
exited(State = #port{phase = ending}) ->
    {stop, {shutdown, ended}, State};
exited(State) ->
    {noreply, timer(?END_GRACE, State)}.

end_of_output(State = #port{buffer = Buffer}) ->
    gone(#{clean => gwport_frame:is_empty(Buffer), reason => closed}, State).

wire_fault(_, _, State = #port{phase = ending}) ->
    {noreply, State};
wire_fault(Name, Sentence, State) ->
    ?LOG_ERROR("gwport: the program of pool ~s broke the wire (~s): ~ts",
        [pool(State), Name, gwport_line:text(Sentence)]),
    Fault = gwport_frame:encode(fault, {gwport_frame:fault_code(Name), Sentence}),
    gone(#{clean => false, reason => {wire_fault, Name}},
        State#port{out = gwport_out:last(Fault, State#port.out)}).

%% Nothing more will come of the program. The clients are told now; the process stays for its exit
%% status, within a grace.
gone(_, State = #port{phase = ending}) ->
    {noreply, State};
gone(Down, State = #port{keeper = Keeper, phase = Phase}) ->
    report(Keeper, {draining, self()}),
    State1 = tell_down(Down, stop_opening(State)),
    State2 = State1#port{phase = ending, ended = {Phase, maps:get(reason, Down)}},
    case State#port.exit_status of
        unknown -> {noreply, timer(?END_GRACE, State2)};
        _ -> {stop, {shutdown, ended}, State2}
    end.

tell_down(_, State = #port{mux = undefined}) ->
    State;
tell_down(Down, State = #port{mux = Mux}) ->
    run({gwport_mux:port_down(Down, Mux), Mux}, State).

timer(Time, State = #port{timer = Old}) ->
    _ = [erlang:cancel_timer(Old) || Old =/= undefined],
    State#port{timer = case Time of
        infinity -> undefined;
        _ -> erlang:start_timer(Time, self(), phase)
    end}.

timeout(State = #port{phase = greeting, exit_status = unknown, options = Options}) ->
    #{greeting_timeout := Timeout} = Options,
    wire_fault(bad_greeting, iolist_to_binary(io_lib:format(
        "no ready within ~b ms; is it a gwport program?", [Timeout])), State);
timeout(State = #port{phase = ending}) ->
    {stop, {shutdown, ended}, State};
timeout(State) ->
    gone(#{clean => false, reason => timeout}, timer(infinity, State)).

pool(#port{options = #{name := Name}}) ->
    Name.

%% Whatever the reason: no client waits in vain, and no program is left, nor what it has started.
terminate(_, State = #port{health = Health}) ->
    _ = gwport_failure:callback(?WHO, State, fun() -> farewell(State) end),
    _ = gwport_failure:callback(?WHO, State, fun() -> gwport_health:kill(Health) end),
    gwport_failure:forget();
%% Its state is broken; the keeper ends the program.
terminate(_, _) ->
    gwport_failure:forget().

-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    gwport_failure:status(Status).

farewell(State = #port{phase = ending, ended = Ended, exit_status = Status, health = Health}) ->
    not_opened(State),
    gwport_health:log_end(pool(State), Ended, Status, Health);
farewell(State) ->
    farewell((tell_down(#{clean => false, reason => stopped}, State))#port{phase = ending}).

%% No program has seen these. Those in the mailbox are looked for there, since the table of streams
%% may be gone with the watch; whoever has come to the table and not yet asked is told from there.
not_opened(State = #port{mux = Mux, watch = Watch}) ->
    not_opened_here(stop_opening(State)),
    IsLive = fun(Ref) -> Mux =/= undefined andalso gwport_mux:is_live(Ref, Mux) end,
    gwport_watch:close(IsLive, {port_down, false, stopped}, Watch).

not_opened_here(State) ->
    receive
        {open, Open} ->
            refuse(Open, draining, State),
            not_opened_here(State)
    after 0 -> ok
    end.

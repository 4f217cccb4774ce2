%% The owner of a port: one running program.
%%
%% It owns the Erlang port, what has arrived of a frame, and the streams with what waits to be
%% written (gwport_streams). It opens the port, greets the program, hands each frame on, looks
%% after the program (gwport_health), and ends it. It never waits: a program that does not read
%% suspends gwport_writer's process alone; what is logged goes through gwport_log.
%%
%% What is in its mailbox is taken before something is written, so that one write carries it all.
%%
%% Clients (any process) speak to it by gwport_handle, and are sent {Tag, {gwport, Event}}, see
%% gwport_mux:event(); the last of them may be the watch's, which stands beside the owner and speaks
%% for it when it is killed (gwport_watch).
%%
%% It ends when the program ends, breaks the wire's rules, does not greet, does not answer a ping,
%% or has drained; its clients are told. A program that does not end by itself then is sent SIGTERM,
%% and what is left of it and of what it has started is killed by its process id (gwport_os, which
%% does that too when the owner is killed).
%% @hidden
-module(gwport_port).
-behaviour(gen_server).

%% API
-export([start_link/1, drain/1, drain/2, info/1, ask/2, forget/2, garble/1]).
%% gen_server.
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
-export([format_status/1]).

-export_type([start/0, report/0]).

-include_lib("kernel/include/logger.hrl").

-type start() :: #{
    options := gwport_secret:secret(gwport_pool_options:pool()), keeper := pid(),
    queue := gwport_queue:queue(), log := gwport_log:log(),
    %% The path of the socket for standard error; "" for none.
    stderr := string()
}.
%% What the keeper is told, by casts: the program has greeted; another one is to have its place,
%% said until it has; it takes no new streams, because it drains or is gone.
-type report() ::
    {ready, Owner :: pid(), gwport_handle:handle()}
  | {recycle, Owner :: pid(), Why :: binary()}
  | {draining, Owner :: pid()}
  | {ended, Owner :: pid(), Why :: binary()}.

-record(port, {
    phase = greeting :: greeting | serving | draining | ending,
    %% Without what only the start needs, and may be secret.
    options :: map(),
    keeper :: pid(),
    log :: gwport_log:log(),
    port :: port(),
    health :: gwport_health:health(),
    life :: gwport_life:life(),
    streams :: gwport_streams:streams(),
    asked = gwport_asked:new() :: gwport_asked:asked(),
    buffer :: gwport_frame:buffer(),
    brake = gwport_brake:new() :: gwport_brake:brake(),
    %% When it has greeted.
    program :: gwport_greeting:program() | undefined,
    recycle :: gwport_recycle:recycle() | undefined,
    timer :: reference() | undefined,
    exit_status = unknown :: unknown | non_neg_integer(),
    %% Whether it has been sent SIGTERM, at the end.
    was_asked = false :: boolean(),
    ended :: undefined | {While :: atom(), Reason :: term()},
    %% What was said of it, if it broke the wire or gave up.
    fault = <<>> :: binary()
}).

%% Who this is, where it fails.
-define(WHO, "the owner of a port").
%% How long what belongs to an end may be on its way: the last output, what is said of a write.
-define(END_GRACE, 1000).
%% Half a megabyte, in words: what passes through is garbage soon, and is collected less often.
-define(MIN_HEAP, 65536).
%% At most so many messages are taken before something is written; one counts for more where it has
%% many bytes of the program's, which may be many frames.
-define(BATCH, 512).
-define(BATCH_BYTES, 2048).
%% How often unanswered aborts are looked for.
-define(ABORT_CHECK, 30000).
%% How often it is looked whether a program that was stopped may go on, besides at each read: behind
%% the last one there may be others' messages that count as ahead.
-define(BRAKE_CHECK, 100).
%% What a drain names when no stream of the other side will be served [D1].
-define(NO_STREAM, 255).
%% The largest integer of a ping and a drain.
-define(MAX_INTEGER, 16#7fffffff).

%% API

-spec start_link(gwport_secret:secret(start())) -> {ok, pid()} | {error, term()}.
start_link(Start) ->
    gen_server:start_link(?MODULE, Start, [{spawn_opt, [{min_heap_size, ?MIN_HEAP}]}]).

%% Takes no more streams; the program ends when those it has are done.
-spec drain(pid()) -> ok.
drain(Owner) ->
    drain(told, Owner).

%% The log says why: it was told to, or others have its place.
-spec drain(told | replaced | {recycled, Why :: binary()}, pid()) -> ok.
drain(Why, Owner) ->
    Owner ! {drain, Why},
    ok.

%% For tests: what comes of the program next is no frame.
-spec garble(pid()) -> ok.
garble(Owner) ->
    Owner ! garble,
    ok.

-spec info(pid()) -> gwport:port_info().
info(Owner) ->
    gen_server:call(Owner, info).

%% Asks the program for evidence. Who asks is sent messages: see gwport_asked.
-spec ask(pid(), gwport_asked:question()) -> ok.
ask(Owner, Question) ->
    Owner ! {ask, Question},
    ok.

%% Nobody waits for that answer any more.
-spec forget(pid(), To :: reference()) -> ok.
forget(Owner, To) ->
    Owner ! {forget, To},
    ok.

%% gen_server

init(Secret) ->
    process_flag(trap_exit, true),
    Start = #{options := Hidden, stderr := Stderr} = gwport_secret:show(Secret),
    Options = gwport_secret:show(Hidden),
    try open_port({spawn_executable, maps:get(command, Options)}, port_options(Options, Stderr)) of
        Port ->
            State = greeting(Port, maps:without([args, env], Options), Start),
            {ok, State, {continue, greet}}
    catch
        error:Reason -> {stop, {shutdown, {open_port, Reason}}}
    end.

port_options(Options, Stderr) ->
    Socket = case Stderr of "" -> false; _ -> Stderr end,
    #{args := Args, cd := Cd, port_queue := Queue} = Options,
    Env = gwport_variables:of_pool(Options, [{"GWPORT", "1"}, {"GWPORT_STDERR", Socket}]),
    [binary, stream, use_stdio, exit_status, eof, hide,
        {args, Args},
        {env, Env},
        {busy_limits_port, {Queue div 2, Queue}},
        {busy_limits_msgq, disabled}
        | [{cd, Cd} || Cd =/= undefined]].

greeting(Port, Options, #{keeper := Keeper, queue := Queue, log := Log}) ->
    _ = gwport_log:follow(Log, gwport_log_down),
    Health = gwport_health:new(erlang:port_info(Port, os_pid), Options),
    OsPid = gwport_health:os_pid(Health),
    ok = gwport_log:belongs(Log, OsPid),
    #port{options = Options, keeper = Keeper, log = Log, port = Port, health = Health,
        life = gwport_life:began(#{name => maps:get(name, Options), os_pid => OsPid}),
        streams = gwport_streams:new(Port, Keeper, Queue, Options),
        buffer = gwport_frame:new(maps:get(max_frame, Options))}.

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

info_map(State = #port{phase = Phase, health = Health, program = Program, streams = Streams}) ->
    #port{options = #{response_budget := Budget}, life = Life} = State,
    Info = #{budget_left := Left} = gwport_streams:info(Streams),
    Info#{owner => self(), state => Phase,
        credit_out => Budget - Left,
        uptime => gwport_life:lived(Life),
        os_pid => gwport_health:os_pid(Health),
        program => said(name, Program, <<>>),
        version => said(program_version, Program, <<>>),
        apps => said(apps, Program, [])}.

%% Before the greeting nothing is known of the program.
said(_, undefined, Nothing) -> Nothing;
said(Key, Program, _) -> maps:get(Key, Program).

handle_cast(_, State) ->
    gwport_failure:callback(?WHO, State, fun() -> settle({noreply, State}) end).

handle_info(Message, State) ->
    gwport_failure:callback(?WHO, State, fun() -> settle(hear(Message, State)) end).

%% Whatever was done: what waits to be written is, when nothing more is in the mailbox, or when
%% there is enough for a write, or much was taken. What the port does not take waits for the writer,
%% and what does not fit into one write comes behind what has arrived meanwhile (which is a timeout
%% of 0 to gen_server).
settle(Result) ->
    settle(Result, ?BATCH - 1, false).

settle({noreply, State = #port{streams = Streams}}, Left, HasYielded) ->
    case gwport_streams:is_full(Streams) orelse Left =< 0 of
        true -> again(written(State));
        false -> take(Left, HasYielded, State)
    end;
settle(Stop, _, _) ->
    Stop.

%% What fails costs no more than its own message: the state is that before it.
heard(Message, State) ->
    gwport_failure:callback(?WHO, State, fun() -> hear(Message, State) end).

%% The messages that come often are taken in here, which spares them a round of gen_server. Those
%% who are about to send one get a chance to, once, before something is written.
take(Left, HasYielded, State = #port{port = Port}) ->
    receive
        {open, _} = Message -> settle(heard(Message, State), Left - 1, HasYielded);
        {accept, _} = Message -> settle(heard(Message, State), Left - 1, HasYielded);
        {Port, {data, Bin}} = Message ->
            settle(heard(Message, State), Left - 1 - byte_size(Bin) div ?BATCH_BYTES, HasYielded);
        {send, _, _, _} = Message -> settle(heard(Message, State), Left - 1, HasYielded);
        {consumed, _, _} = Message -> settle(heard(Message, State), Left - 1, HasYielded);
        {taken, _, _} = Message -> settle(heard(Message, State), Left - 1, HasYielded);
        {abort, _, _, _} = Message -> settle(heard(Message, State), Left - 1, HasYielded)
    after 0 ->
        idle(Left, HasYielded, State)
    end.

idle(Left, HasYielded, State = #port{streams = Streams}) ->
    case gwport_streams:can_write(Streams) of
        false -> {noreply, State};
        true when HasYielded -> again(write(State));
        true -> erlang:yield(), take(Left, true, State)
    end.

again(State = #port{streams = Streams}) ->
    case gwport_streams:can_write(Streams) of
        false -> {noreply, State};
        true -> {noreply, State, 0}
    end.

hear({Port, {data, Bin}}, State = #port{port = Port, phase = Phase}) when Phase =/= ending ->
    read(byte_size(Bin), gwport_frame:parse(Bin, State#port.buffer), State);
hear({send, Name, Kind, Data}, State = #port{streams = Streams}) ->
    {noreply, State#port{streams = gwport_streams:send(Name, Kind, Data, Streams)}};
hear({consumed, Name, Bytes}, State = #port{streams = Streams}) ->
    {noreply, State#port{streams = gwport_streams:consumed(Name, Bytes, Streams)}};
hear({taken, Name, Bytes}, State = #port{streams = Streams}) ->
    {noreply, State#port{streams = gwport_streams:taken(Name, Bytes, Streams)}};
hear({claim, Name, Client}, State = #port{streams = Streams}) ->
    {noreply, State#port{streams = gwport_streams:claim(Name, Client, Streams)}};
hear({open, Open}, State = #port{streams = Streams}) ->
    {noreply, State#port{streams = gwport_streams:open(Open, Streams)}};
hear({accept, Open}, State = #port{streams = Streams}) ->
    {noreply, State#port{streams = gwport_streams:accept(Open, Streams)}};
hear({decline, Ref}, State = #port{streams = Streams}) ->
    {noreply, State#port{streams = gwport_streams:decline(Ref, Streams)}};
hear(look, State = #port{streams = Streams}) ->
    {noreply, State#port{streams = gwport_streams:look_for_waiting(Streams)}};
hear({abort, Name, Code, Text}, State = #port{streams = Streams}) ->
    {noreply, State#port{streams = gwport_streams:abort(Name, Code, Text, Streams)}};
hear({gwport_down, _, process, Pid, _}, State = #port{streams = Streams}) ->
    {noreply, State#port{streams = gwport_streams:down(Pid, Streams)}};
hear(timeout, State) ->
    {noreply, written(State)};
hear({gwport_writer, through}, State = #port{streams = Streams}) ->
    {noreply, State#port{streams = gwport_streams:through(Streams)}};
hear({Port, {exit_status, Status}}, State = #port{port = Port}) ->
    exited(State#port{exit_status = Status});
hear({Port, eof}, State = #port{port = Port}) ->
    end_of_output(State);
hear({'EXIT', Port, Reason}, State = #port{port = Port}) ->
    %% With output still queued this is all that comes: no end of file, no exit status. Whether the
    %% program has ended is asked from now on.
    gwport_health:look_often(State#port.health),
    gone(#{clean => false, reason => Reason}, State);
hear({ask, Question}, State) ->
    {noreply, ask_program(Question, State)};
hear({forget, To}, State = #port{asked = Asked}) ->
    {noreply, State#port{asked = gwport_asked:forget(To, Asked)}};
hear({drain, Why}, State) ->
    {noreply, drain_program(Why, State)};
hear(drain, State) ->
    {noreply, drain_program(told, State)};
hear({gwport_log_down, _, _, _, Reason}, State) when Reason =/= normal ->
    %% Nobody reads the program's standard error any more, and nobody else can.
    {noreply, drain_program(told, State)};
hear({gwport_health, What}, State = #port{health = Health}) ->
    health(gwport_health:hear(What, Health), State);
hear({gwport_os, gone}, State = #port{phase = ending, port = Port, health = Health}) ->
    %% Of a port that is closed nothing is on its way.
    case erlang:port_info(Port) of
        undefined -> {stop, {shutdown, ended}, State};
        _ -> health(gwport_health:hear(gone, Health), State)
    end;
hear({gwport_os, What}, State = #port{health = Health}) ->
    health(gwport_health:hear(What, Health), State);
hear(garble, State = #port{phase = serving, buffer = Buffer}) ->
    read(0, gwport_frame:parse(<<"garbled!">>, Buffer), State);
hear({gwport_recycle, What}, State = #port{phase = serving}) ->
    recycle(What, State);
hear(check_aborts, State) ->
    check_aborts(State);
hear(check_brake, State = #port{phase = Phase, buffer = Buffer}) when Phase =/= ending ->
    check_brake_later(State),
    read(0, {ok, [], Buffer}, State);
hear({timeout, Timer, _}, State = #port{timer = Timer}) ->
    timeout(State);
hear({'EXIT', Pid, Reason}, State) ->
    ended(Pid, Reason, State);
hear(_, State) ->
    {noreply, State}.

ended(Pid, Reason, State = #port{streams = Streams}) ->
    case gwport_streams:helper(Pid, Streams) of
        none -> {stop, Reason, State};
        writer when Reason =:= normal -> {noreply, closed(State)};
        Who -> gone(#{clean => false, reason => {Who, gwport_failure:tag(Reason)}}, State)
    end.

written(State = #port{streams = Streams}) ->
    case gwport_streams:can_write(Streams) of
        true -> write(State);
        false -> State
    end.

write(State = #port{streams = Streams}) ->
    case gwport_streams:write(Streams) of
        {ok, Streams1} -> State#port{streams = Streams1};
        {closed, Streams1} -> closed(State#port{streams = Streams1})
    end.

%% The port was closed under a write; its own message is on its way.
closed(State) ->
    timer(?END_GRACE, stop_opening(State)).

stop_opening(State = #port{streams = Streams}) ->
    State#port{streams = gwport_streams:stop_opening(Streams)}.

control(Frame, State = #port{streams = Streams}) ->
    State#port{streams = gwport_streams:control(Frame, Streams)}.

-spec report(pid(), report()) -> ok.
report(Keeper, Report) ->
    gen_server:cast(Keeper, Report).

%% Greeting

read(Size, Parsed, State = #port{port = Port, brake = Brake0}) ->
    case gwport_brake:took(Size, Brake0) of
        {ok, Brake} ->
            data(Parsed, Brake, State);
        {look, Taken, Brake} ->
            braked(gwport_brake:looked(gwport_brake:ahead(Taken, Port), Brake), Parsed, State)
    end.

%% A program that is too far ahead is stopped for a while.
braked({ok, Brake}, Parsed, State) ->
    data(Parsed, Brake, State);
braked({hold, Brake}, Parsed, State) ->
    gwport_health:hold(State#port.health),
    check_brake_later(State#port{brake = Brake}),
    data(Parsed, Brake, State);
braked({go_on, Brake}, Parsed, State) ->
    gwport_health:go_on(State#port.health),
    data(Parsed, Brake, State);
braked({over, _}, _, State) ->
    gwport_health:kill(State#port.health),
    wire_fault(failed, iolist_to_binary(io_lib:format(
        "~b bytes are written and not read, and it goes on writing",
        [gwport_brake:limit()])), State).

check_brake_later(#port{brake = Brake}) ->
    _ = [erlang:send_after(?BRAKE_CHECK, self(), check_brake) || gwport_brake:is_held(Brake)],
    ok.

data({ok, Frames, Buffer}, Brake, State) ->
    frames(Frames, State#port{buffer = Buffer, brake = Brake});
data({error, {bad_frame, Sentence}, Frames}, Brake, State) ->
    case frames(Frames, State#port{brake = Brake}) of
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

%% It was told to stop before it had greeted, and may not know yet.
frame(_, State = #port{phase = draining, program = undefined}) ->
    {noreply, State};
frame({Kind, _, Payload}, State = #port{program = undefined}) ->
    greeted(gwport_greeting:first(Kind, Payload), State);
frame(Frame = {_, _, _}, State = #port{streams = Streams}) ->
    case gwport_streams:frame(Frame, Streams) of
        {ok, Streams1} -> {noreply, State#port{streams = Streams1}};
        {fault, Name, Sentence} -> wire_fault(Name, Sentence, State)
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
    port_frame(Kind, gwport_frame:decode_payload(Payload), State).

greeted({error, Fault, Sentence}, State) ->
    wire_fault(Fault, Sentence, State);
greeted({ok, Program}, State = #port{options = Options, life = Life, streams = Streams0}) ->
    #{max_head := MaxHead, apps := Apps} = Program,
    Streams1 = gwport_streams:greeted(Program, maps:get(max_head, Options), Streams0),
    Handle = gwport_handle:new(gwport_streams:watch(Streams1), gwport_streams:load(Streams1),
        gwport_streams:shares(Streams1),
        #{max_head => MaxHead, apps => Apps, files => files(Program, State),
            dev => maps:get(dev, Options)}),
    Streams = gwport_streams:known_as(Handle, Streams1),
    report(State#port.keeper, {ready, self(), Handle}),
    gwport_health:greeted(State#port.health),
    check_aborts_later(),
    {noreply, timer(infinity, State#port{phase = serving, program = Program,
        recycle = new_recycle(State), life = gwport_life:up(Program, Life), streams = Streams})}.

new_recycle(#port{options = Options, health = Health}) ->
    gwport_recycle:new(Options, gwport_health:os_pid(Health),
        erlang:monotonic_time(millisecond), fun rand:uniform/0).

files(#{files := true}, #port{health = Health}) ->
    case gwport_health:os_pid(Health) of
        undefined -> none;
        OsPid -> OsPid
    end;
files(#{files := false}, _) ->
    none.

%% Frames without a stream

port_frame(ping, {ok, N}, State) when is_integer(N), N >= 0, N =< ?MAX_INTEGER ->
    case gwport_streams:pong(gwport_frame:encode(pong, N), State#port.streams) of
        {ok, Streams} -> {noreply, State#port{streams = Streams}};
        full -> wire_fault(failed, iolist_to_binary(io_lib:format(
            "more than ~b pings whose answers wait to be written",
            [gwport_out:max_pongs()])), State)
    end;
port_frame(pong, {ok, N}, State = #port{health = Health}) ->
    case gwport_health:pong(N, Health) of
        {ok, Health1} -> {noreply, State#port{health = Health1}};
        error -> out_of_place(pong, State)
    end;
port_frame(drain, {ok, Last}, State)
        when is_integer(Last), Last >= ?NO_STREAM, Last =< ?MAX_INTEGER ->
    {noreply, program_drains(Last, State)};
port_frame(Kind, Answer, State = #port{program = #{evidence := true}, asked = Asked})
        when Kind =:= part; Kind =:= answered ->
    case gwport_asked:Kind(Answer, Asked) of
        {ok, Asked1} -> {noreply, State#port{asked = Asked1}};
        error -> out_of_place(Kind, State)
    end;
port_frame(Kind, error, State) ->
    wire_fault(bad_frame,
        <<"the payload of ", (atom_to_binary(Kind))/binary, " is not a term">>, State);
port_frame(Kind, _, State) ->
    out_of_place(Kind, State).

out_of_place(Kind, State) ->
    wire_fault(bad_frame, <<(atom_to_binary(Kind))/binary, " out of place or misshapen">>, State).

program_fault({ok, {Code, Text}}, State) when is_integer(Code), is_binary(Text) ->
    Name = gwport_frame:fault_name(Code),
    ?LOG_ERROR("gwport: the program of pool ~ts gave up (~s): ~ts",
        [pool(State), Name, gwport_line:text(Text)]),
    gone(#{clean => false, reason => {fault, Name}}, State#port{fault = Text});
program_fault(_, State) ->
    program_fault({ok, {2, <<"a fault that cannot be read">>}}, State).

%% Evidence

ask_program(Question, State = #port{phase = Phase, program = #{evidence := true}, asked = Asked})
        when Phase =:= serving; Phase =:= draining ->
    case gwport_asked:ask(Question, Asked) of
        {ok, Ask, Asked1} -> control(gwport_frame:encode(ask, Ask), State#port{asked = Asked1});
        refused -> State
    end;
ask_program(Question, State = #port{program = #{evidence := false}}) ->
    gwport_asked:refuse(unsupported, Question),
    State;
ask_program(Question, State) ->
    gwport_asked:refuse(port_down, Question),
    State.

%% Health

health(ok, State) ->
    {noreply, State};
health({ping, N, Health}, State) ->
    {noreply, control(gwport_frame:encode(ping, N), State#port{health = Health})};
health({fault, Sentence}, State) ->
    wire_fault(failed, Sentence, State);
health(lifeless, State = #port{phase = ending}) ->
    {stop, {shutdown, ended}, State};
health(lifeless, State) ->
    gone(#{clean => false, reason => lifeless}, State).

check_aborts_later() ->
    _ = erlang:send_after(?ABORT_CHECK, self(), check_aborts),
    ok.

%% Clients that were killed are found by this look as well.
check_aborts(State = #port{streams = Streams, options = #{ping_timeout := Timeout}}) ->
    check_aborts_later(),
    {Count, Streams1} = gwport_streams:look(Streams),
    aborts_overdue(Count, Timeout, State#port{streams = Streams1}).

%% A program that may take for ever for an answer may do so for this one as well.
aborts_overdue(Count, Timeout, State) when Count =:= 0; Timeout =:= infinity ->
    {noreply, State};
aborts_overdue(Count, _, State) ->
    wire_fault(failed, iolist_to_binary(io_lib:format(
        "~b aborts were not answered within ~b ms", [Count, ?ABORT_CHECK])), State).

%% The keeper is asked again and again: it may have other things to do first.
recycle(What, State = #port{recycle = Recycle0, streams = Streams, keeper = Keeper}) ->
    case gwport_recycle:hear(What, gwport_streams:info(Streams), Recycle0) of
        {ok, Recycle} ->
            {noreply, State#port{recycle = Recycle}};
        {due, Why, Recycle} ->
            report(Keeper, {recycle, self(), Why}),
            {noreply, State#port{recycle = Recycle}}
    end.

%% Draining

drain_program(Why, State = #port{phase = serving}) ->
    draining(Why, control(gwport_frame:encode(drain, ?NO_STREAM), State));
drain_program(_, State = #port{phase = greeting}) ->
    timer(0, State#port{phase = draining});
drain_program(_, State) ->
    State.

%% In this order: a client whose stream is not served waits for a place at once, and is not to be
%% offered the one that it had.
program_drains(Last, State0) ->
    State = #port{streams = Streams} = stop_opening(State0),
    draining(itself, State#port{streams = gwport_streams:drained(Last, Streams)}).

draining(_, State = #port{phase = draining}) ->
    State;
draining(Who, State0 = #port{keeper = Keeper, options = Options}) ->
    State = State0#port{life = gwport_life:drains(Who, life(State0))},
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
    ?LOG_ERROR("gwport: the program of pool ~ts broke the wire (~s): ~ts",
        [pool(State), Name, gwport_line:text(Sentence)]),
    Fault = gwport_frame:encode(fault, {gwport_frame:fault_code(Name), Sentence}),
    gone(#{clean => false, reason => {wire_fault, Name}},
        State#port{fault = Sentence, streams = gwport_streams:last(Fault, State#port.streams)}).

%% Nothing more will come of the program. The clients are told now; the process stays for its exit
%% status, and for it to end.
gone(_, State = #port{phase = ending}) ->
    {noreply, State};
gone(Down, State = #port{keeper = Keeper, phase = Phase, options = Options}) ->
    report(Keeper, {draining, self()}),
    %% One that is stopped could not end by itself.
    _ = [gwport_health:go_on(State#port.health) || gwport_brake:is_held(State#port.brake)],
    State1 = tell_down(Down, stop_opening(State)),
    State2 = State1#port{phase = ending, ended = {Phase, maps:get(reason, Down)}},
    case State#port.exit_status of
        unknown -> {noreply, timer(maps:get(stop_timeout, Options), State2)};
        _ -> {stop, {shutdown, ended}, State2}
    end.

tell_down(Down, State = #port{streams = Streams}) ->
    State#port{streams = gwport_streams:port_down(Down, Streams)}.

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
timeout(State = #port{phase = ending, was_asked = false, options = Options}) ->
    #{stop_timeout := StopTimeout, kill_timeout := KillTimeout} = Options,
    gwport_life:is_ended(term, StopTimeout, State#port.life),
    gwport_health:term(State#port.health),
    {noreply, timer(KillTimeout, State#port{was_asked = true})};
timeout(State = #port{phase = ending, options = #{kill_timeout := Timeout}}) ->
    gwport_life:is_ended(kill, Timeout, State#port.life),
    {stop, {shutdown, ended}, State};
%% It was told to stop before it had greeted.
timeout(State = #port{phase = draining, program = undefined}) ->
    gone(#{clean => false, reason => stopped}, timer(infinity, State));
timeout(State) ->
    gone(#{clean => false, reason => timeout}, timer(infinity, State)).

%% What the log says of the program, and how many requests it has had.
life(#port{life = Life, streams = Streams}) ->
    {gwport_streams:info(Streams), Life}.

pool(#port{options = #{name := Name}}) ->
    Name.

%% Whatever the reason: no client waits in vain, and no program is left, nor what it has started.
terminate(Reason, State = #port{health = Health}) ->
    _ = gwport_failure:callback(?WHO, State, fun() -> farewell(told(Reason, State)) end),
    _ = gwport_failure:callback(?WHO, State, fun() -> gwport_health:kill(Health) end),
    gwport_failure:forget();
%% Its state is broken; the keeper ends the program.
terminate(_, _) ->
    gwport_failure:forget().

-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    gwport_failure:status(Status).

%% Where the owner does not end with its program, the clients have not been told yet.
told(_, State = #port{phase = ending}) ->
    State;
told({shutdown, {failed, Tag}}, State = #port{phase = Phase}) ->
    told_stopped(State#port{ended = {Phase, {owner_failed, Tag}}});
told(_, State) ->
    told_stopped(State).

told_stopped(State) ->
    (tell_down(#{clean => false, reason => stopped}, State))#port{phase = ending}.

farewell(State = #port{ended = Ended, exit_status = Status}) ->
    gwport_streams:close(State#port.streams),
    gwport_life:gone(Ended, Status, life(State)),
    report(State#port.keeper,
        {ended, self(), gwport_life:ended(Ended, Status, maps:get(command, State#port.options),
            iolist_to_binary(gwport_line:text(State#port.fault)))}).

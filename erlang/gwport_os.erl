%% What gwport has outside of the BEAM: the programs, and the folders of their sockets. It looks at
%% programs, ends them, and clears up behind whoever had them and was killed.
%%
%% A shell does the looking and killing, one for the node, which runs as long as this process does:
%% to look into /proc, or to start a command, takes descriptors, and the BEAM may have none left
%% when it matters most. Everything the shell is told to do is built into it, and what it opens is
%% in its own table. It is replaced when it ends or falls silent, and told again what it has not done.
%%
%% Its input ends when this process does, or the BEAM. In the latter case nobody else is left: the
%% shell then ends the groups of all programs that it knows of, and what they have started in them.
%%
%% Who has what stands in a table that the application's supervisor owns, so that nothing is
%% forgotten when this process is killed: its successor reads it. Pools that run without the
%% application do without all that: their programs are ended by a shell for the occasion.
%% @hidden
-module(gwport_os).
-behaviour(gen_server).

%% API
-export([create/0, start_link/0, adopt/1, id/1, look/1, signal/2, kill/1]).
-export([remind/4, keep_socket/1]).
%% gen_server
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-export_type([process/0]).

-include_lib("kernel/include/logger.hrl").

%% An id alone may be somebody else's by the time it is used; together with the time at which the
%% process started (in clock ticks since boot, Linux only) it is not.
-type process() :: {Id :: pos_integer(), Started :: binary()} | gone.

-define(UNKNOWN, <<"unknown">>).
-define(GONE, <<"gone">>).

-type signal() :: term | stop | cont.
-type job() ::
    {identify, gen_server:from(), Id :: pos_integer()}
  | {look, pid(), process()}
  | {signal(), process()}
  | {kill, gen_server:from() | none, process()}.

-record(os, {
    shell = down :: port() | down,
    next = 1 :: pos_integer(),
    %% What the shell has to do, and the timers of what it was told.
    jobs = #{} :: #{pos_integer() => {job(), reference() | untold}},
    %% A shell that fell silent, to be ended by the next one.
    silent = [] :: [pos_integer()],
    %% Whether it was said that there is no shell.
    said = false :: boolean()
}).

%% How long the shell may take for an answer.
-define(SILENCE, 2000).
%% When another shell is tried for, and a program that could not be looked at is tried again.
-define(AGAIN, 100).
%% How long a caller waits: while it does a silent shell can be replaced.
-define(PATIENCE, 3000).

%% It reads lines "NUMBER look|keep|term|stop|cont|kill ID STARTED" and answers "NUMBER NOW": when the process
%% with this id has started, or `gone` (a zombie is), or `unknown`. The 2nd field of /proc/ID/stat, the
%% name, may hold anything, line breaks as well; the 22nd is the time of the start.
%%
%% It kills the process, if it is the one that was meant, and the group that it leads or has led:
%% what a program that has ended left behind is ended as well. No new process gets an id that a
%% group still has, so where no process has it the group is the one that was meant. With `term` it
%% asks them to end, each once: some programs take a second SIGTERM for impatience.
%%
%% What it is told to keep, and not to kill since, it kills at the end of its input if the BEAM is
%% gone or about to be: a process that the kernel takes down closes what it has open when PF_EXITING,
%% 4, is among its flags, the 9th field, and is a zombie only then. A BEAM that halts may close its
%% ports sooner, hence the second look. Programs have a second to end by themselves, of which SPEC.md
%% [P5] gives them half. An answer to nobody must not end the shell, hence the trap.
-define(SCRIPT,
    "set -f; exec 2>/dev/null; trap '' PIPE\n"
    "look() {\n"
    "    stat= now=unknown\n"
    "    while IFS= read -r line; do stat=$stat$line; done </proc/$1/stat\n"
    "    if [ \"$stat\" ]; then\n"
    "        set -- ${stat##*') '}\n"
    "        now=${20} flags=$7\n"
    "        [ \"$1\" != Z ] || now=gone\n"
    "    elif [ -d /proc/self ] && ! [ -e /proc/$1 ]; then\n"
    "        now=gone\n"
    "    fi\n"
    "}\n"
    "finish() {\n"
    "    case $2/$now in\n"
    "    unknown/* | $now/*) kill -9 -$1 $1 ;;\n"
    "    */gone) kill -9 -$1 ;;\n"
    "    */unknown) return 1 ;;\n"
    "    esac\n"
    "    return 0\n"
    "}\n"
    "forget() {\n"
    "    rest=\n"
    "    for one in $kept; do [ ${one%:*} = $1 ] || rest=\"$rest $one\"; done\n"
    "    kept=$rest\n"
    "}\n"
    "is_gone() {\n"
    "    flags=0\n"
    "    look $beam\n"
    "    case $now in\n"
    "    gone) ;;\n"
    "    unknown) ! kill -0 $beam ;;\n"
    "    $born) [ $((flags & 4)) != 0 ] ;;\n"
    "    *) [ $born != unknown ] ;;\n"
    "    esac\n"
    "}\n"
    "beam=$1 kept=\n"
    "look $beam; born=$now\n"
    "while read -r number what id started; do\n"
    "    look $id\n"
    "    case $what/$started/$now in\n"
    "    look/*) ;;\n"
    "    keep/unknown/*) forget $id; kept=\"$kept $id:$now\" ;;\n"
    "    keep/*) forget $id; kept=\"$kept $id:$started\" ;;\n"
    "    kill/*) finish $id $started && forget $id ;;\n"
    "    term/unknown/* | term/$now/*) kill -15 -$id || kill -15 $id ;;\n"
    "    term/*/gone) kill -15 -$id ;;\n"
    "    stop/unknown/* | stop/$now/*) kill -s STOP -$id || kill -s STOP $id ;;\n"
    "    cont/unknown/* | cont/$now/*) kill -s CONT -$id || kill -s CONT $id ;;\n"
    "    esac\n"
    "    echo $number $now\n"
    "done\n"
    "[ \"$kept\" ] && { is_gone || { sleep 1; is_gone; }; } || exit 0\n"
    "sleep 1\n"
    "for one in $kept; do look ${one%:*}; finish ${one%:*} ${one#*:}; done\n").

%% API

%% Called by the application's supervisor, which owns the table.
-spec create() -> ok.
create() ->
    ?MODULE = ets:new(?MODULE, [named_table, public, bag]),
    ok.

-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    _ = [end_orphan(Pid) || Pid <- [whereis(?MODULE)], is_pid(Pid)],
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% The one whose supervisor was killed, and which has not ended yet. It has nothing that is not in
%% the table.
end_orphan(Pid) ->
    Monitor = erlang:monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Monitor, process, _, _} -> ok end.

%% The calling process has started the program with this id: it will be killed when the caller ends.
-spec adopt(pos_integer()) -> process().
adopt(Id) when Id > 0 ->
    ok = keep({process, {Id, ?UNKNOWN}}),
    Process = {Id, ask({identify, Id}, ?UNKNOWN)},
    _ = [known(Id, Process) || Process =/= {Id, ?UNKNOWN}],
    Process.

known(Id, Process) ->
    ok = keep({process, Process}),
    try ets:delete_object(?MODULE, {self(), {process, {Id, ?UNKNOWN}}})
    catch error:badarg -> true
    end.

%% The calling process has a socket at this path, alone in a folder of its own: both will be removed
%% when the caller ends, if they are still there.
-spec keep_socket(file:filename()) -> ok.
keep_socket(Path) ->
    keep({socket, Path}).

-spec id(process()) -> pos_integer() | undefined.
id(gone) -> undefined;
id({Id, _}) -> Id.

%% The calling process is sent {gwport_os, gone} if the process is known to have ended. Cheap enough
%% to be asked every second.
-spec look(process()) -> ok.
look(gone) ->
    self() ! {gwport_os, gone},
    ok;
look(Process) ->
    gen_server:cast(?MODULE, {look, self(), Process}).

%% Asks the process to end, and its process group, if it is still the one that was meant; or stops
%% them, or has them go on. The caller does not wait, and is not told.
-spec signal(signal(), process()) -> ok.
signal(_, gone) ->
    ok;
signal(Signal, Process) ->
    case whereis(?MODULE) of
        undefined when Signal =:= term ->
            _ = spawn(fun() -> once(line(1, {term, Process})) end),
            ok;
        %% Two shells might take one another's place.
        undefined ->
            ok;
        _ ->
            gen_server:cast(?MODULE, {signal, Signal, Process})
    end.

%% Pid is sent a message in so many milliseconds, and a process of Erlang that is stuck is killed so
%% long after that, whoever has ended meanwhile: this one stays as long as the application. Nobody is
%% where the timer that is returned is cancelled before.
-spec remind(Ms :: non_neg_integer(), pid(), Message :: term(),
    nobody | {Stuck :: pid(), Grace :: non_neg_integer()}) -> Timer :: reference().
remind(Ms, Pid, Message, Stuck) ->
    %% To a name: a timer to a process is cancelled when that ends.
    erlang:send_after(Ms, ?MODULE, {remind, Pid, Message, Stuck}).

%% Ends the process, if it is still the one that was meant, and its process group. When this returns
%% it has been done, unless the shell was silent: then it will be.
-spec kill(process()) -> ok.
kill(gone) ->
    ok;
kill(Process) ->
    _ = ask({kill, Process}, ?UNKNOWN),
    ok.

%% Whoever asks has a row in the table: if this process is killed meanwhile, its successor will act
%% on that.
ask(What, Otherwise) ->
    try gen_server:call(?MODULE, What, ?PATIENCE)
    catch
        exit:_ ->
            case ets:whereis(?MODULE) of
                undefined -> once(line(1, What));
                _ -> Otherwise
            end
    end.

%% In this order: whoever reads the table before there is a row will be told of it.
keep(What) ->
    try ets:insert(?MODULE, {self(), What}) of
        true -> gen_server:cast(?MODULE, {watch, self()})
    catch
        error:badarg -> ok
    end.

%% gen_server

init([]) ->
    process_flag(trap_exit, true),
    Keepers = lists:usort([Pid || {Pid, _} <- ets:tab2list(?MODULE)]),
    lists:foreach(fun watch/1, Keepers),
    {ok, open(#os{})}.

watch(Pid) ->
    _ = erlang:monitor(process, Pid),
    ok.

handle_call({identify, Id}, From, State) ->
    {noreply, do({identify, From, Id}, State)};
handle_call({kill, Process}, From, State) ->
    {noreply, do({kill, From, Process}, State)}.

handle_cast({watch, Pid}, State) ->
    watch(Pid),
    {noreply, State};
%% While there is no shell nobody is known to have ended.
handle_cast({look, _, _}, State = #os{shell = down}) ->
    {noreply, State};
handle_cast({signal, Signal, Process}, State) ->
    {noreply, do({Signal, Process}, State)};
handle_cast({look, Pid, Process}, State) ->
    {noreply, do({look, Pid, Process}, State)}.

handle_info({Shell, {data, {eol, Answer}}}, State = #os{shell = Shell}) ->
    [Number, Now] = binary:split(Answer, <<" ">>),
    {noreply, answered(binary_to_integer(Number), Now, State)};
handle_info({'EXIT', Shell, _}, State = #os{shell = Shell}) ->
    {noreply, open(untold(State))};
handle_info({timeout, Timer, {silent, Number}}, State = #os{jobs = Jobs}) ->
    case Jobs of
        #{Number := {_, Timer}} -> {noreply, open(untold(silence(State)))};
        #{} -> {noreply, State}
    end;
handle_info(open, State) ->
    {noreply, open(State)};
handle_info({again, Job}, State) ->
    {noreply, do(Job, State)};
handle_info({remove, Row = {_, {socket, Path}}}, State) ->
    remove(Path),
    true = ets:delete_object(?MODULE, Row),
    {noreply, State};
handle_info({remind, Pid, Message, Stuck}, State) ->
    Pid ! Message,
    _ = [erlang:send_after(Grace, ?MODULE, {kill, Who}) || {Who, Grace} <- [Stuck]],
    {noreply, State};
handle_info({kill, Pid}, State) ->
    exit(Pid, kill),
    {noreply, State};
handle_info({'DOWN', _, process, Pid, _}, State) ->
    {noreply, lists:foldl(fun clear_up/2, State, ets:lookup(?MODULE, Pid))};
handle_info(_, State) ->
    {noreply, State}.

%% The owner of a program is gone. What it has ended itself has no row any more.
clear_up({_, {process, Process}}, State) ->
    do({kill, none, Process}, State);
%% What a process that is killed does to a file at that moment goes on to its end, which is after it
%% is known to be dead: a folder may be made behind its removal.
clear_up(Row = {_, {socket, Path}}, State) ->
    remove(Path),
    _ = erlang:send_after(?AGAIN, self(), {remove, Row}),
    State.

remove(Path) ->
    _ = file:delete(Path),
    _ = file:del_dir(filename:dirname(Path)),
    ok.

%% The shell

open(State = #os{shell = Shell}) when is_port(Shell) ->
    State;
open(State = #os{silent = Silent}) ->
    try start_shell() of
        Shell ->
            _ = [tell(line(0, {kill, {Id, ?UNKNOWN}}), Shell) || Id <- Silent],
            _ = [tell(line(0, "keep", Process), Shell)
                || {_, {process, Process}} <- ets:tab2list(?MODULE)],
            tell_all(State#os{shell = Shell, silent = [], said = false})
    catch
        error:Reason ->
            _ = erlang:send_after(?AGAIN, self(), open),
            say(Reason, State)
    end.

start_shell() ->
    open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", ?SCRIPT, "sh", os:getpid()]},
        {cd, "/"}, {line, 100}, binary, use_stdio, hide]).

say(_, State = #os{said = true}) ->
    State;
say(Reason, State) ->
    ?LOG_ERROR("gwport: no shell can be started to look after the programs (~0p); tried again "
        "every ~b ms", [Reason, ?AGAIN]),
    State#os{said = true}.

%% Looks are asked for again by whoever wants to know.
untold(State = #os{jobs = Jobs}) ->
    State#os{shell = down, jobs = maps:from_list([{Number, {Job, untold}}
        || {Number, {Job, Timer}} <- maps:to_list(Jobs), cancel(Timer), element(1, Job) =/= look])}.

cancel(untold) ->
    true;
cancel(Timer) ->
    _ = erlang:cancel_timer(Timer),
    true.

%% A shell that was stopped would not notice that its port is closed.
silence(State = #os{shell = Shell}) ->
    Silent = [Id || {os_pid, Id} <- [erlang:port_info(Shell, os_pid)]],
    true = close(Shell),
    State#os{silent = Silent}.

%% Its end is no news.
close(Shell) ->
    true = unlink(Shell),
    try port_close(Shell)
    catch error:badarg -> true
    end.

%% In their order: one that is to go on was to stop before.
tell_all(State = #os{jobs = Jobs}) ->
    State#os{jobs = maps:from_list([{Number, told(Number, Job, State)}
        || {Number, {Job, untold}} <- lists:sort(maps:to_list(Jobs))])}.

told(_, Job, #os{shell = down}) ->
    {Job, untold};
told(Number, Job, #os{shell = Shell}) ->
    tell(line(Number, Job), Shell),
    {Job, erlang:start_timer(?SILENCE, self(), {silent, Number})}.

%% Never waits: a shell that does not read is silent.
tell(Line, Shell) ->
    try port_command(Shell, Line, [nosuspend])
    catch error:badarg -> false
    end.

line(Number, {identify, _, Id}) -> line(Number, "keep", {Id, ?UNKNOWN});
line(Number, {identify, Id}) -> line(Number, "look", {Id, ?UNKNOWN});
line(Number, {look, _, Process}) -> line(Number, "look", Process);
line(Number, {kill, _, Process}) -> line(Number, "kill", Process);
line(Number, {What, Process}) -> line(Number, atom_to_list(What), Process).

line(Number, What, {Id, Started}) ->
    io_lib:format("~b ~s ~b ~s~n", [Number, What, Id, Started]).

do(Job, State = #os{next = Number, jobs = Jobs}) ->
    State#os{next = Number + 1, jobs = Jobs#{Number => told(Number, Job, State)}}.

answered(Number, Now, State = #os{jobs = Jobs}) ->
    case maps:take(Number, Jobs) of
        {{Job, Timer}, Rest} ->
            true = cancel(Timer),
            done(Job, Now),
            State#os{jobs = Rest};
        error ->
            State
    end.

done({identify, From, _}, Now) ->
    gen_server:reply(From, Now);
done({look, Pid, {_, Started}}, Now) when Now =:= ?GONE; Now =/= Started, Now =/= ?UNKNOWN,
        Started =/= ?UNKNOWN ->
    Pid ! {gwport_os, gone},
    ok;
done({look, _, _}, _) ->
    ok;
done({Signal, _}, _) when Signal =:= term; Signal =:= stop; Signal =:= cont ->
    ok;
%% It could not be seen whether it is the one that was meant.
done(Job = {kill, _, {_, Started}}, ?UNKNOWN) when Started =/= ?UNKNOWN ->
    _ = erlang:send_after(?AGAIN, self(), {again, Job}),
    ok;
done({kill, From, Process}, _) ->
    true = ets:match_delete(?MODULE, {'_', {process, Process}}),
    _ = [gen_server:reply(From, ok) || From =/= none],
    ok.

%% What the shell has not done is done when its port is closed: it reads to the end.
terminate(_, _) ->
    ok.

%% Without the application: a shell for one line.
once(Line) ->
    try start_shell() of
        Shell ->
            _ = tell(Line, Shell),
            Now = receive
                {Shell, {data, {eol, Answer}}} -> lists:last(binary:split(Answer, <<" ">>))
            after ?SILENCE -> ?UNKNOWN
            end,
            true = close(Shell),
            Now
    catch
        error:_ -> ?UNKNOWN
    end.

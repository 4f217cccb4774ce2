%% @doc Has the programs of a pool fail as programs do: for tests of systems that are built on
%% gwport, and for rehearsals.
%%
%% The page erlang/doc/operate.md, "Failing on purpose", shows what a client sees of each.
-module(gwport_inject).

-export([fault/2, heal/1, late/2]).

-export_type([fault/0, injected/0]).

-type fault() :: dead | deaf | garbled | {slow, 1..60000}.
%% What is done to every program of a pool that serves. `dead': it is killed (SIGKILL), once.
%% `deaf': it is stopped (SIGSTOP): it reads nothing and answers nothing. gwport gives it up when it
%% has not answered its ping, see `ping_interval' and `ping_timeout'.
%% `{slow, Ms}': it is stopped for so many milliseconds (1 to 60000), goes on for as many, and so
%% on.
%% `garbled': what comes of it next is no frame.
-opaque injected() :: {pid(), reference()}.
%% A fault under way, for heal/1.

%% @doc Injects a fault into all programs of a pool that serve now. One that lasts (`deaf', `{slow,
%% _}') is with these programs until heal/1 is called, or the calling process ends; those that come
%% in their place have none. `{error, no_port}' where no program serves, `{error, {bad_fault, Fault,
%% Why}}' for what is none.
-spec fault(Pool :: atom(), fault()) ->
    {ok, injected()} | {error, no_pool | no_port | {bad_fault, Fault :: term(), Why :: string()}}.
fault(Pool, Fault) ->
    case is_fault(Fault) of
        true -> inject_into(serving(gwport_pool:info(Pool)), Fault);
        false -> {error, {bad_fault, Fault, "expected dead, deaf, garbled or {slow, Milliseconds}"}}
    end.

is_fault({slow, Ms}) -> is_integer(Ms) andalso Ms >= 1 andalso Ms =< 60000;
is_fault(Fault) -> lists:member(Fault, [dead, deaf, garbled]).

serving({ok, Ports}) ->
    {ok, [{Owner, OsPid} || #{state := serving, owner := Owner, os_pid := OsPid} <- Ports,
        is_integer(OsPid)]};
serving(Error) ->
    Error.

inject_into({ok, []}, _) ->
    {error, no_port};
inject_into({ok, Ports}, Fault) ->
    Caller = self(),
    Pid = spawn(fun() -> injected(Fault, Ports, Caller) end),
    Monitor = erlang:monitor(process, Pid),
    %% When this returns the signals have been sent.
    Pid ! {begin_now, Monitor},
    receive
        {Monitor, there} -> {ok, {Pid, Monitor}};
        {'DOWN', Monitor, process, Pid, Reason} -> error({not_injected, Reason})
    end;
inject_into(Error, _) ->
    Error.

%% @doc Ends a fault that lasts: the programs that it was injected into go on. Called by whoever has
%% injected it.
-spec heal(injected()) -> ok.
heal({Pid, Monitor}) ->
    Pid ! heal,
    receive {'DOWN', Monitor, process, Pid, _} -> ok end.

%% @doc Options of a pool whose programs come up so many milliseconds (0 to 86400000) late each time,
%% made of those of one whose do not. They are started by `/bin/sh'.
-spec late(Ms :: 0..86400000, gwport:pool_options()) -> gwport:pool_options().
late(Ms, Options = #{command := Command}) when is_integer(Ms), Ms >= 0, Ms =< 86400000 ->
    Script = io_lib:format("sleep ~b.~3..0b; exec \"$0\" \"$@\"", [Ms div 1000, Ms rem 1000]),
    Options#{command := "/bin/sh",
        args => ["-c", lists:flatten(Script), path(Command) | maps:get(args, Options, [])]}.

path(Command) ->
    case gwport_command:find(Command) of
        {ok, Path} -> Path;
        {error, Why} -> error({bad_option, {command, Command, Why}})
    end.

%% The process of a fault

injected(Fault, Ports, Caller) ->
    Monitor = erlang:monitor(process, Caller),
    receive {begin_now, Tag} ->
        strike(Fault, Ports),
        Caller ! {Tag, there}
    end,
    last(Fault, Ports, Monitor).

strike(dead, Ports) -> signal("KILL", Ports);
strike(garbled, Ports) -> lists:foreach(fun({Owner, _}) -> gwport_port:garble(Owner) end, Ports);
strike(_, Ports) -> signal("STOP", Ports).

last(Fault, _, _) when Fault =:= dead; Fault =:= garbled ->
    ok;
last(Fault, Ports, Caller) ->
    case is_healed(time(Fault), Caller) of
        true -> signal("CONT", Ports);
        false -> going_on(Fault, Ports, Caller)
    end.

going_on(Fault, Ports, Caller) ->
    signal("CONT", Ports),
    case is_healed(time(Fault), Caller) of
        true -> ok;
        false -> signal("STOP", Ports), last(Fault, Ports, Caller)
    end.

time(deaf) -> infinity;
time({slow, Ms}) -> Ms.

is_healed(Time, Caller) ->
    receive
        heal -> true;
        {'DOWN', Caller, process, _, _} -> true
    after Time -> false
    end.

%% One that has ended meanwhile is nobody's any more, and the signal finds nobody.
signal(Name, Ports) ->
    _ = os:cmd(lists:flatten(["kill -", Name, [[" ", integer_to_list(OsPid)]
        || {_, OsPid} <- Ports]])),
    ok.

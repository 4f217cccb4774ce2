%% Events for the application telemetry, where a node runs it. It is looked for when gwport starts, and
%% when a program comes up, but not for a request. (It is no optional application of gwport's: rebar3's
%% Dialyzer stops at one that is not there.)
%%
%%     [gwport, request, start | stop | exception]   gwport_account
%%     [gwport, port, up | down]                     gwport_life
%%
%% Handlers run in the process that has something to tell: the request's, or a port's owner.
%% @hidden
-module(gwport_telemetry).

-export([look/0, forget/0, flag/0, is_on/1, event/3]).

-export_type([flag/0]).

%% Whether there is somebody to tell, for who asks with each request. There is one for the node, and
%% it is never replaced: it may be kept beside what a request has to read in any case.
-opaque flag() :: atomics:atomics_ref().

-define(TELEMETRY, telemetry).
%% Registered while the application runs.
-define(SUPERVISOR, telemetry_sup).
-define(FLAG, {?MODULE, flag}).

-spec look() -> ok.
look() ->
    Flag = flag(),
    look(whereis(?SUPERVISOR), is_on(Flag), Flag).

look(Pid, false, Flag) when is_pid(Pid) ->
    persistent_term:put(?MODULE, ?TELEMETRY),
    atomics:put(Flag, 1, 1);
look(undefined, true, _) ->
    forget();
look(_, _, _) ->
    ok.

%% Called by the application at its end.
-spec forget() -> ok.
forget() ->
    atomics:put(flag(), 1, 0),
    _ = persistent_term:erase(?MODULE),
    ok.

%% The application has made it, with its first look, before there is a pool.
-spec flag() -> flag().
flag() ->
    case persistent_term:get(?FLAG, none) of
        none ->
            Flag = atomics:new(1, []),
            persistent_term:put(?FLAG, Flag),
            Flag;
        Flag ->
            Flag
    end.

-spec is_on(flag()) -> boolean().
is_on(Flag) ->
    1 =:= atomics:get(Flag, 1).

-spec event([atom()], Measurements :: #{atom() => integer()}, Metadata :: map()) -> ok.
event(Name, Measurements, Metadata) ->
    case persistent_term:get(?MODULE, none) of
        none ->
            ok;
        %% Not called by its name, which most nodes do not know.
        Telemetry ->
            _ = Telemetry:execute([gwport | Name], Measurements, Metadata),
            ok
    end.

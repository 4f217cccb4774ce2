%% Events for the application telemetry, where a node runs it. It is looked for when gwport starts, and
%% when a program comes up, but not for a request. (It is no optional application of gwport's: rebar3's
%% Dialyzer stops at one that is not there.)
%%
%%     [gwport, request, start | stop | exception]   gwport_account
%%     [gwport, port, up | down]                     gwport_life
%%
%% Handlers run in the process that has something to tell: the request's, or a port's owner.
-module(gwport_telemetry).

-export([look/0, forget/0, is_on/0, event/3]).

-define(TELEMETRY, telemetry).
%% Registered while the application runs.
-define(SUPERVISOR, telemetry_sup).

-spec look() -> ok.
look() ->
    look(whereis(?SUPERVISOR), is_on()).

look(Pid, false) when is_pid(Pid) -> persistent_term:put(?MODULE, ?TELEMETRY);
look(undefined, true) -> forget();
look(_, _) -> ok.

%% Called by the application at its end.
-spec forget() -> ok.
forget() ->
    _ = persistent_term:erase(?MODULE),
    ok.

-spec is_on() -> boolean().
is_on() ->
    none =/= persistent_term:get(?MODULE, none).

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

%% What gwport and its tests use of the application telemetry, for machines that do not have it (Debian has no package of it):
%% attached functions are called in the process that executes the event, and one that fails is detached.
-module(telemetry).
-behaviour(application).
-behaviour(supervisor).

-export([attach_many/4, detach/1, execute/3]).
-export([start/2, stop/1, init/1]).

start(_, _) ->
    supervisor:start_link({local, telemetry_sup}, ?MODULE, []).

stop(_) ->
    ok.

init([]) ->
    {ok, {#{}, []}}.

attach_many(Id, Events, Function, Config) ->
    persistent_term:put(?MODULE, (handlers())#{Id => {Events, Function, Config}}).

detach(Id) ->
    persistent_term:put(?MODULE, maps:remove(Id, handlers())).

execute(Event, Measurements, Metadata) when is_map(Measurements), is_map(Metadata) ->
    maps:foreach(fun(Id, {Events, Function, Config}) ->
        _ = [called(Id, Function, [Event, Measurements, Metadata, Config]) || lists:member(Event, Events)],
        ok
    end, handlers()).

called(Id, Function, Arguments) ->
    try apply(Function, Arguments)
    catch _:_ -> detach(Id)
    end.

handlers() ->
    persistent_term:get(?MODULE, #{}).

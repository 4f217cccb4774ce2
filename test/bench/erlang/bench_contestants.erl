%% What differs between the listeners: Cowboy's protocol options for each contestant's name.
-module(bench_contestants).

-export([listener/2]).

listener("cowboy", Options) ->
    {ok, route(bench_handler, handler_options(Options), Options)};
listener("cowboy_stream", Options) ->
    {ok, #{stream_handlers => [bench_stream_h], bench => handler_options(Options)}};
listener("cowboy_static", #{"files" := Files}) ->
    {ok, dispatch([{"/file/[...]", cowboy_static, {dir, Files}}])};
listener("gwport_handler", Options) ->
    start_pool(Options),
    {ok, (route(gwport_handler, #{pool => bench}, Options))#{
        stream_handlers => [gwport_pipeline_h, cowboy_stream_h]}};
listener("gwport_stream", Options) ->
    start_pool(Options),
    {ok, #{stream_handlers => [gwport_pipeline_h, gwport_stream_h, cowboy_stream_h],
        gwport => gwport_stream_h:mounts([{'_', [{Path, #{pool => bench}}
            || Path <- paths(Options)]}])}};
listener("gun" ++ Idle, Options = #{"upstream" := Upstream}) ->
    case application:ensure_all_started(gun) of
        {ok, _} ->
            Pool = bench_gun_pool:start(list_to_integer(Upstream), list_to_integer(Idle)),
            {ok, route(bench_gun_handler, Pool, Options)};
        {error, _} ->
            {na, "gun is not there: .ci/setup brings it"}
    end;
listener("naive", Options = #{"app" := App, "files" := Files}) ->
    Owner = bench_naive_port:start(App, ["-mode", "naive", "-files", Files]),
    {ok, route(bench_naive_handler, Owner, Options)}.

start_pool(Options = #{"app" := App, "files" := Files}) ->
    {ok, _} = application:ensure_all_started(gwport),
    {ok, _} = supervisor:start_child(gwport_sup, gwport:child_spec(#{name => bench,
        command => App, args => ["-mode", "port", "-files", Files | profile(Options)],
        %% 10,000 requests at once are one of the loads.
        max_streams => 20000, ports => number("ports", Options, 1)})),
    await(gwport:info(bench)).

%% A pool has started when one port serves. Nothing tells of the others, so they are looked at; the
%% bench waits for this node no longer than it does for any.
await({ok, Ports}) ->
    case [State || #{state := State} <- Ports, State =/= serving] of
        [] -> ok;
        _ -> timer:sleep(10), await(gwport:info(bench))
    end.

profile(#{"cpuprofile" := File}) -> ["-cpuprofile", File];
profile(_) -> [].

number(Name, Options, Default) ->
    case Options of
        #{Name := Value} -> list_to_integer(Value);
        _ -> Default
    end.

route(Handler, State, Options) ->
    dispatch([{Path, Handler, State} || Path <- paths(Options)]).

%% The loads go by the last one.
paths(Options) ->
    ["/other" ++ integer_to_list(N) ++ "/[...]" || N <- lists:seq(2, number("routes", Options, 1))]
        ++ ["/[...]"].

dispatch(Routes) ->
    #{env => #{dispatch => cowboy_router:compile([{'_', Routes}])}}.

handler_options(#{"files" := Files}) ->
    #{files => list_to_binary(Files), burn => bench_work:calibrate()}.

%% What a pool is to be: its options, as they were given and as they were checked. It is a table of
%% the pool's supervisor, so that a keeper that is started again knows what a reload has changed.
%% @hidden
-module(gwport_plan).

-export([new/2, version/1, given/1, options/1, queue/1, change/4]).

-export_type([plan/0, version/0, given/0, options/0]).

-opaque plan() :: ets:table().
%% Another one with each change.
-type version() :: reference().
-type given() :: gwport_secret:secret(gwport_options:given()).
-type options() :: gwport_secret:secret(gwport_pool_options:pool()).

%% Called by the supervisor of the pool.
-spec new(given(), options()) -> plan().
new(Given, Options) ->
    Plan = ets:new(?MODULE, [public]),
    true = ets:insert(Plan, {queue, gwport_queue:new()}),
    ok = change(make_ref(), Given, Options, Plan),
    Plan.

-spec version(plan()) -> version().
version(Plan) ->
    ets:lookup_element(Plan, plan, 2).

-spec given(plan()) -> given().
given(Plan) ->
    ets:lookup_element(Plan, plan, 3).

-spec options(plan()) -> options().
options(Plan) ->
    ets:lookup_element(Plan, plan, 4).

%% It is the supervisor's as well, and outlives a keeper.
-spec queue(plan()) -> gwport_queue:queue().
queue(Plan) ->
    ets:lookup_element(Plan, queue, 2).

%% Called by the keeper.
-spec change(version(), given(), options(), plan()) -> ok.
change(Version, Given, Options, Plan) ->
    true = ets:insert(Plan, {plan, Version, Given, Options}),
    ok.

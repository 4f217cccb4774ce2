%% h2spec asks a server for what the RFCs of HTTP/2 say, case by case. Most of that is Cowboy's business, and some
%% cases Cowboy does not pass. What is asked here is that gwport makes no other fail.
-module(gwport_h2spec_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

%% What `h2spec --dryrun` counts.
-define(CASES, 145).
-define(RUNS, 5).

suite() -> [{timetrap, {minutes, 5}}].

all() -> [{group, as_it_is}, {group, as_the_readme_has_it}].

groups() ->
    Cases = [no_case_fails_that_passes_behind_bare_cowboy],
    [{as_it_is, [], Cases}, {as_the_readme_has_it, [], Cases}].

init_per_suite(Config) ->
    H2spec = filename:join(proplists:get_value(priv_dir, Config), "h2spec"),
    {ok, _} = application:ensure_all_started(gwport),
    Module = filename:join(code:lib_dir(gwport), "test/h2spec"),
    "" = os:cmd("cd " ++ Module ++ " && go build -o " ++ H2spec ++ " github.com/summerwind/h2spec/cmd/h2spec"),
    [{h2spec, H2spec} | Config].

end_per_suite(_) -> ok.

init_per_group(as_it_is, Config) -> [{options, #{}} | Config];
init_per_group(as_the_readme_has_it, Config) ->
    [{options, #{idle_timeout => infinity, max_stream_buffer_size => 262144, stream_window_data_threshold => 0}}
        | Config].

end_per_group(_, _) -> ok.

no_case_fails_that_passes_behind_bare_cowboy(Config) ->
    %% Bare Cowboy, the route handler and the stream handler, with the same options of the listener.
    Pool = gwport_test:start_pool(#{}),
    Options = proplists:get_value(options, Config),
    Mount = [{"/", #{pool => Pool, app => <<"upload">>}}],
    Listeners = [
        {bare, Options#{env => #{dispatch => cowboy_router:compile([{'_', [{"/", ?MODULE, []}]}])}}},
        {route, gwport_test:mounted(route, Mount, handlers(Options))},
        {stream, gwport_test:mounted(stream, Mount, handlers(Options))}],
    More = more(failing(Listeners, Config)),
    Left = again(?RUNS - 1, More, fun() -> more(failing(Listeners, Config)) end),
    gwport_test:stop_pool(Pool),
    ?assertEqual({[], []}, Left).

more([Bare, Route, Stream]) ->
    ct:pal("fail behind bare Cowboy: ~0p~nroute handler: ~0p~nstream handler: ~0p", [Bare, Route, Stream]),
    {Route -- Bare, Stream -- Bare}.

%% A whole answer can be faster than what is wrong behind its request, behind bare Cowboy as well: what fails every
%% time is ours.
again(_, {[], []}, _) -> {[], []};
again(0, More, _) -> More;
again(Runs, {Route, Stream}, Run) ->
    {Route1, Stream1} = Run(),
    again(Runs - 1, {Route -- (Route -- Route1), Stream -- (Stream -- Stream1)}, Run).

handlers(Options) ->
    Options#{stream_handlers => [gwport_pipeline_h, cowboy_stream_h]}.

%% The three side by side: most of a case that fails is waiting.
failing(Listeners, Config) ->
    Runs = [spawn_monitor(fun() -> exit({ran, run(Name, Listener, Config)}) end) || {Name, Listener} <- Listeners],
    [receive {'DOWN', Monitor, _, _, {ran, Failing}} -> Failing; {'DOWN', Monitor, _, _, Reason} -> error(Reason) end
        || {_, Monitor} <- Runs].

run(Name, Options, Config) ->
    {ok, _} = cowboy:start_clear({?MODULE, Name}, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]}, Options),
    Report = filename:join(proplists:get_value(priv_dir, Config), "h2spec-" ++ atom_to_list(Name) ++ ".xml"),
    _ = os:cmd(lists:join(" ", [proplists:get_value(h2spec, Config), "-h 127.0.0.1 -p",
        integer_to_list(ranch:get_port({?MODULE, Name})), "-j", Report, ">", Report ++ ".txt 2>&1"])),
    ok = cowboy:stop_listener({?MODULE, Name}),
    {ok, Xml} = file:read_file(Report),
    cases(Xml).

%% The cases that failed, of as many as there are.
cases(Xml) ->
    {match, Cases} = re:run(Xml, "<testcase package=\"([^\"]*)\" classname=\"([^\"]*)\"[^>]*>\\s*(<failure|<error)?",
        [global, {capture, all_but_first, binary}]),
    ?assertEqual(?CASES, length(Cases)),
    lists:sort([{Package, Name} || [Package, Name, _] <- Cases]).

%% A handler of Cowboy's that reads the body before it answers, as the app does: an answer that came before could be
%% faster than what is wrong with the rest of its request.
init(Req0, State) ->
    Req = read(cowboy_req:read_body(Req0)),
    {ok, cowboy_req:reply(200, #{<<"content-type">> => <<"text/plain">>}, <<"Hello world from Cowboy\n">>, Req), State}.

read({ok, _, Req}) -> Req;
read({more, _, Req}) -> read(cowboy_req:read_body(Req)).

%% `make demo`: Cowboy serves the bundled apps, each at /NAME, and a page at / that lists them. It is
%% as much of an example as of a demo: a pool, a listener and its routes.
-module(gwport_demo).

-export([main/1, start/1, stop/0]).
%% cowboy_handler.
-export([init/2]).

-define(LISTENER, gwport_demo).
-define(POOL, demo).

%% @doc Serves until the node is stopped; ends it if there is nothing to serve.
-spec main([string()]) -> ok.
main([Port]) ->
    case start(list_to_integer(Port)) of
        {ok, Bound} ->
            io:format("gwport: http://127.0.0.1:~b/~n", [Bound]),
            [io:format("gwport: http://127.0.0.1:~b/~ts~n", [Bound, App]) || App <- apps()],
            io:format("gwport: Ctrl-C stops it~n");
        {error, Sentence} ->
            io:format(standard_error, "gwport: ~ts~n", [Sentence]),
            halt(1)
    end.

%% @doc Starts the demo on 127.0.0.1; 0 picks a port.
-spec start(inet:port_number()) -> {ok, inet:port_number()} | {error, Sentence :: iodata()}.
start(Port) ->
    {ok, _} = application:ensure_all_started(gwport),
    case supervisor:start_child(gwport_sup, gwport:child_spec(#{name => ?POOL, ports => 2,
            command => {priv, gwport, "gwport"}})) of
        {ok, _} -> listen(apps(), Port);
        {error, Reason} -> {error, io_lib:format("the pool does not start: ~0p", [Reason])}
    end.

%% The path of a port that did not come up is in the log.
listen([], _) ->
    {error, "no program came up; see the log"};
listen(Apps, Port) ->
    Mounts = [{["/", App, "/[...]"], gwport_handler, #{pool => ?POOL, app => App}} || App <- Apps],
    Dispatch = cowboy_router:compile([{'_', [{"/", ?MODULE, Apps} | Mounts]}]),
    Result = cowboy:start_clear(?LISTENER,
        #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, Port}, {buffer, 65536}]},
        #{env => #{dispatch => Dispatch},
            %% Cowboy before 2.18 needs the first one, see gwport_pipeline_h.
            stream_handlers => [gwport_pipeline_h, cowboy_stream_h],
            %% Long responses over HTTP/2, with a client that only listens, need this.
            idle_timeout => infinity,
            max_stream_buffer_size => 262144}),
    case Result of
        {ok, _} -> {ok, ranch:get_port(?LISTENER)};
        {error, eaddrinuse} ->
            {error, io_lib:format("port ~b on 127.0.0.1 is taken; try PORT=0", [Port])};
        {error, Reason} ->
            {error, io_lib:format("cannot listen on 127.0.0.1:~b: ~0p", [Port, Reason])}
    end.

-spec stop() -> ok.
stop() ->
    _ = cowboy:stop_listener(?LISTENER),
    _ = supervisor:terminate_child(gwport_sup, {gwport, ?POOL}),
    _ = supervisor:delete_child(gwport_sup, {gwport, ?POOL}),
    ok.

apps() ->
    {ok, Ports} = gwport:info(?POOL),
    %% Neither the program's own page nor what is there for `gwport check`.
    lists:usort(lists:append([Apps || #{apps := Apps} <- Ports])) -- [<<>>, <<"gwport.check">>].

%% The page at /. The sentences are the program's own: it is asked as an Erlang process would.
-spec init(cowboy_req:req(), [binary()]) -> {ok, cowboy_req:req(), [binary()]}.
init(Req, Apps) ->
    {ok, Ports} = gwport:info(?POOL),
    {ok, cowboy_req:reply(200, #{<<"content-type">> => <<"text/html; charset=utf-8">>},
        page(Apps, sentences(), Ports), Req), Apps}.

%% Lines of a name, a tab and a sentence.
sentences() ->
    case gwport:request(?POOL, #{path => <<"/">>}) of
        {ok, {200, _, Body}} ->
            Lines = binary:split(Body, <<"\n">>, [global, trim_all]),
            maps:from_list([{Name, Sentence} || Line <- Lines,
                [Name, Sentence] <- [binary:split(Line, <<"\t">>)]]);
        _ ->
            #{}
    end.

page(Apps, Sentences, Ports) ->
    ["<!doctype html><html lang=en><meta charset=utf-8><title>gwport</title>"
     "<meta name=viewport content='width=device-width'>"
     "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;"
     "padding:0 1rem}table{border-collapse:collapse;width:100%}"
     "td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}</style>"
     "<h1>gwport</h1><p>Cowboy serves these Go apps; they run in the port programs below.</p>"
     "<table>",
        [["<tr><td><a href='/", App, "'>", App, "</a><td>", maps:get(App, Sentences, <<>>)]
            || App <- Apps],
     "</table><h2>Ports of the pool</h2>"
     "<table><tr><th>OS pid<th>State<th>Program<th>In flight<th>Served",
        [port_row(Port) || Port <- Ports],
     "</table>"].

port_row(#{os_pid := OsPid, state := State, program := Program, version := Version,
        in_flight := InFlight, served := Served}) ->
    io_lib:format("<tr><td>~p<td>~s<td>~ts ~ts<td>~b<td>~b",
        [OsPid, State, Program, Version, InFlight, Served]).

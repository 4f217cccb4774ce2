%% `make demo`: Cowboy serves the bundled apps and apps/chat, two more in Erlang, each at /NAME, a page
%% at / that lists them, and gwport's status page at /gwport. It is as much of an example as of a demo: two pools, a listener and
%% its routes.
-module(gwport_demo).
-behaviour(gwport_gateway).

-export([main/1, start/2, stop/0]).
%% cowboy_handler.
-export([init/2]).
%% gwport_gateway.
-export([app/1]).

-define(LISTENER, gwport_demo).
-define(POOLS, [demo, chat]).

%% @doc Serves until the node is stopped; ends it if there is nothing to serve. Folder has the
%% program of apps/chat, `chat', and a folder for its rooms, `rooms'.
-spec main([string()]) -> ok.
main([Port, Folder]) ->
    case start(list_to_integer(Port), Folder) of
        {ok, Bound} ->
            io:format("gwport: http://127.0.0.1:~b/~n", [Bound]),
            [io:format("gwport: http://127.0.0.1:~b/~ts~n", [Bound, App])
                || App <- [Name || {Name, _} <- apps()] ++ [Name || {Name, _, _} <- ours()]],
            io:format("gwport: Ctrl-C stops it~n");
        {error, Sentence} ->
            io:format(standard_error, "gwport: ~ts~n", [Sentence]),
            halt(1)
    end.

%% @doc Starts the demo on 127.0.0.1; 0 picks a port.
-spec start(inet:port_number(), file:filename()) ->
    {ok, inet:port_number()} | {error, Sentence :: iodata()}.
start(Port, Folder0) ->
    Folder = filename:absname(Folder0),
    {ok, _} = application:ensure_all_started(gwport),
    case pools([
        #{name => demo, ports => 2, command => {priv, gwport, "gwport"}},
        #{name => chat, command => filename:join(Folder, "chat"),
            args => [filename:join(Folder, "rooms")]}
    ]) of
        ok -> listen(apps(), Port);
        {error, Reason} -> {error, io_lib:format("a pool does not start: ~0p", [Reason])}
    end.

pools([]) ->
    ok;
pools([Pool | Pools]) ->
    case supervisor:start_child(gwport_sup, gwport:child_spec(Pool)) of
        {ok, _} -> pools(Pools);
        {error, Reason} -> {error, Reason}
    end.

%% The path of a port that did not come up is in the log.
listen([], _) ->
    {error, "no program came up; see the log"};
listen(Apps, Port) ->
    Mounts = [{["/", App, "/[...]"], gwport_handler, #{pool => Pool, app => App}}
            || {App, Pool} <- Apps]
        ++ [{["/", Name, "/[...]"], gwport_handler, #{run => App}} || {Name, _, App} <- ours()],
    %% Nobody but this machine's users reaches it.
    Status = {"/gwport/[...]", gwport_status_page, #{auth => none, control => true}},
    Dispatch = cowboy_router:compile([{'_', [{"/", ?MODULE, Apps}, Status | Mounts]}]),
    Result = cowboy:start_clear(?LISTENER,
        #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, Port}, {buffer, 65536}]},
        #{env => #{dispatch => Dispatch},
            %% Cowboy before 2.18 needs the first one, and so does WebSocket; see gwport_pipeline_h.
            stream_handlers => [gwport_pipeline_h, cowboy_stream_h],
            enable_connect_protocol => true,
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
    [begin
        _ = supervisor:terminate_child(gwport_sup, {gwport, Pool}),
        _ = supervisor:delete_child(gwport_sup, {gwport, Pool})
    end || Pool <- ?POOLS],
    ok.

%% Each app and its pool.
apps() ->
    %% Neither a program's own page nor what is there for `gwport check`.
    lists:usort([{App, Pool} || Pool <- ?POOLS, #{apps := Apps} <- ports(Pool), App <- Apps,
        App =/= <<>>, App =/= <<"gwport.check">>]).

ports(Pool) ->
    {ok, Ports} = gwport:info(Pool),
    Ports.

%% Apps in Erlang: a name, a sentence, and the app, which may be a program's with something around.
ours() ->
    [{<<"environ-erl">>, <<"An app in Erlang: the environ that it is given">>, ?MODULE},
        {<<"shout">>, <<"The app echo in capitals, by middleware in Erlang, as it streams">>,
            shouted(gwport_gateway:pool(#{pool => demo, app => echo}))}].

-spec app(gwport_gateway:environ()) -> gwport_gateway:response().
app(Environ) ->
    gwport_gateway:text(200, [io_lib:format("~ts: ~0p~n", [Key, Value])
        || {Key, Value} <- lists:sort(maps:to_list(maps:remove(<<"gwport.request">>, Environ)))]).

shouted(App) ->
    fun(Environ) ->
        gwport_gateway:then(App(Environ), fun({Status, Headers, Body}) ->
            {Status, Headers, gwport_gateway:map_body(fun capitals/1, Body)}
        end)
    end.

%% As many bytes as there were.
capitals(Block) ->
    << <<(capital(C))>> || <<C>> <= iolist_to_binary(Block) >>.

capital(C) when C >= $a, C =< $z -> C - 32;
capital(C) -> C.

%% The page at /. The sentences are the programs' own: they are asked as an Erlang process would.
-spec init(cowboy_req:req(), [{binary(), atom()}]) ->
    {ok, cowboy_req:req(), [{binary(), atom()}]}.
init(Req, Apps) ->
    Sentences = maps:from_list(lists:append([sentences(Pool) || Pool <- ?POOLS])),
    {ok, cowboy_req:reply(200, #{<<"content-type">> => <<"text/html; charset=utf-8">>},
        page(Apps, Sentences), Req), Apps}.

%% Lines of a name, a tab and a sentence.
sentences(Pool) ->
    case gwport:request(Pool, #{path => <<"/">>}) of
        {ok, {200, _, Body}} ->
            Lines = binary:split(Body, <<"\n">>, [global, trim_all]),
            [{Name, Sentence} || Line <- Lines,
                [Name, Sentence] <- [binary:split(Line, <<"\t">>)]];
        _ ->
            []
    end.

%% The apps' own pages have this style too.
page(Apps, Sentences) ->
    ["<!doctype html><html lang=en><head><meta charset=utf-8><title>gwport</title>"
     "<meta name=viewport content='width=device-width, initial-scale=1'>"
     "<link rel=icon href='data:,'><style>", gwport_status_page:style(), "</style></head>"
     "<body><main><h1>gwport</h1>"
     "<p>Cowboy serves these apps in Go. <a href='/gwport/'>The status page</a> shows the programs "
     "that they run in.</p>",
        table("Apps in Go", [{App, maps:get(App, Sentences, <<>>)} || {App, _} <- Apps]),
        table("Apps in Erlang", [{Name, Sentence} || {Name, Sentence, _} <- ours()]),
     "</main></body></html>\n"].

table(Title, Apps) ->
    ["<table><caption>", Title, "</caption>",
        [["<tr><th scope=row><a href='/", App, "'>", App, "</a></th><td>", Sentence, "</td></tr>"]
            || {App, Sentence} <- Apps],
     "</table>"].

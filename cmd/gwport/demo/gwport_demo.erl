%% `make demo`: Cowboy serves the bundled apps and apps/chat, the classic samples in Erlang, each at
%% /NAME, an app in Python, if there is one, a page at / that lists them, and gwport's status page at
%% /gwport. It is as much of an example as of a demo: pools, a listener and its routes, apps and
%% middleware.
-module(gwport_demo).
-behaviour(gwport_gateway).

-export([main/1, start/3, stop/0]).
%% cowboy_handler.
-export([init/2]).
%% gwport_gateway.
-export([app/1]).

-define(LISTENER, gwport_demo).
-define(POOLS, [demo, chat, python]).

%% @doc Serves until the node is stopped; ends it if there is nothing to serve. Folder has the
%% program of apps/chat, `chat', and a folder for its rooms, `rooms'. Python is the interpreter of
%% test/pyport and of the app beside this file; empty if there is none.
-spec main([string()]) -> ok.
main([Port, Folder, Python]) ->
    case start(list_to_integer(Port), Folder, Python) of
        {ok, Bound} ->
            io:format("gwport: http://127.0.0.1:~b/~n", [Bound]),
            [io:format("gwport: http://127.0.0.1:~b/~ts~n", [Bound, App])
                || App <- [Name || {Name, _} <- apps()] ++ [Name || {Name, _, _} <- ours()]
                    ++ [<<"python">>]],
            [io:format("gwport: no app in Python: ~ts~n", [no_python()]) || not has_python()],
            io:format("gwport: Ctrl-C stops it~n");
        {error, Sentence} ->
            io:format(standard_error, "gwport: ~ts~n", [Sentence]),
            halt(1)
    end.

%% @doc Starts the demo on 127.0.0.1; 0 picks a port.
-spec start(inet:port_number(), file:filename(), Python :: string()) ->
    {ok, inet:port_number()} | {error, Sentence :: iodata()}.
start(Port, Folder0, Python) ->
    Folder = filename:absname(Folder0),
    {ok, _} = application:ensure_all_started(gwport),
    case pools([
        #{name => demo, ports => 2, command => {priv, gwport, "gwport"}},
        #{name => chat, command => filename:join(Folder, "chat"),
            args => [filename:join(Folder, "rooms")]}
    ] ++ python(Python)) of
        ok -> listen(apps(), Port);
        {error, Reason} -> {error, io_lib:format("a pool does not start: ~0p", [Reason])}
    end.

%% A WSGI app is a program's like any other. Of Python's own site-packages it wants nothing, and
%% in the sources it is to leave nothing.
python("") ->
    [];
python(Python) ->
    [#{name => python, command => Python,
        env => #{"PYTHONPATH" => filename:absname("cmd/gwport/demo")},
        args => ["-SB", filename:absname("test/pyport/gwport_wsgi.py"), "environ_wsgi:app"]}].

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
        ++ [{["/", Name, "/[...]"], gwport_handler,
            #{run => gwport_gateway:chain(App, middleware())}} || {Name, _, App} <- ours()]
        ++ [{"/python/[...]", gwport_handler, case has_python() of
            true -> #{pool => python};
            false -> #{run => fun(_) -> gwport_gateway:text(404, [no_python(), $\n]) end}
        end}],
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
    case gwport:info(Pool) of
        {ok, Ports} -> Ports;
        {error, _} -> []
    end.

has_python() ->
    ports(python) =/= [].

no_python() ->
    "there was no python3 of 3.9 or newer on PATH when the demo was started".

%% Around each app in Erlang, be it one or a program's with something around.
middleware() ->
    [gwport_mw_request_id:around([]), gwport_mw_server_timing:around([]),
        gwport_mw_gzip:around([])].

%% A name, a sentence, and the app.
ours() ->
    Echo = gwport_gateway:pool(#{pool => demo, app => echo}),
    [{<<"hello-erl">>, <<"Hello from an app in Erlang">>, fun hello/1},
        {<<"echo-erl">>, <<"Sends the request's body back while it arrives">>, fun echo/1},
        {<<"environ-erl">>, <<"The environ that an app in Erlang is given">>, fun ?MODULE:app/1},
        {<<"shout">>, <<"Go's echo in capitals, by middleware in Erlang, as it streams">>,
            gwport_gateway:chain(Echo, [fun shouted/1])},
        {<<"framed">>, <<"Go's echo between a header and a footer, by middleware in Erlang">>,
            gwport_gateway:chain(Echo, [fun framed/1])}].

hello(#{<<"SCRIPT_NAME">> := Here, <<"PATH_INFO">> := Path}) ->
    gwport_gateway:text(200, ["Hello from ", Here, ", at \"", Path, "\"\n"]).

%% A body that is a fun and its state, here what reads the request's body.
echo(#{<<"gwport.input">> := Input}) ->
    {200, [{<<"content-type">>, <<"text/plain">>}], {fun echoed/1, Input}}.

echoed(Input) ->
    case Input(65536) of
        {ok, Block} -> {continue, Block, Input};
        eof -> stop
    end.

%% A module may be an app.
-spec app(gwport_gateway:environ()) -> gwport_gateway:response().
app(Environ) ->
    gwport_gateway:text(200, [io_lib:format("~ts: ~0p~n", [Key, Value])
        || {Key, Value} <- lists:sort(maps:to_list(maps:remove(<<"gwport.request">>, Environ)))]).

framed(App) ->
    fun(Environ) ->
        gwport_gateway:then(App(Environ), fun({Status, Headers, Body}) ->
            {Status, gwport_gateway:without(<<"content-length">>, Headers),
                gwport_gateway:frame_body("--- header ---\n", Body, "\n--- footer ---\n")}
        end)
    end.

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
        table("One environ, one triple, three languages",
            [{[Path, "/a%2Fb/c?q=1"], Sentence} || {Path, Sentence} <- [{"environ", "in Go"},
                {"environ-erl", "in Erlang"}, {"python", python_sentence()}]]),
     "</main></body></html>\n"].

table(Title, Paths) ->
    ["<table><caption>", Title, "</caption>",
        [["<tr><th scope=row><a href='/", Path, "'>", Path, "</a></th><td>", Sentence, "</td></tr>"]
            || {Path, Sentence} <- Paths],
     "</table>"].

python_sentence() ->
    case has_python() of
        true -> "in Python, an app of WSGI";
        false -> ["in Python, an app of WSGI: not now, since ", no_python()]
    end.

%% @doc Apps in Erlang, in the shape that Go's `bridge.App' has: an environ in, status, headers and
%% body out (SPEC.md, section 17).
%%
%% A mount runs one that its option `run' names:
%%
%% ```
%% {"/hello/[...]", gwport_handler, #{run => fun hello:app/1}}
%%
%% app(#{<<"PATH_INFO">> := Path}) -> gwport_gateway:text(200, ["hello from ", Path, "\n"]).
%% '''
%%
%% A module with this behaviour may be named alone: `#{run => hello}'. Each request runs in a
%% process of its own, which is ended when its client leaves or its time is up: an app may wait,
%% for whatever it likes, and what is linked to it goes with it.
%%
%% What an app or its middleware does wrong {@link gwport_validate} tells.
-module(gwport_gateway).

-export([text/2, chain/2, pool/1, read_body/2, url/1]).
-export([then/2, map_body/2, frame_body/3, without/2]).

-export_type([app/0, middleware/0, environ/0, input/0]).
-export_type([result/0, response/0, body/0, next/0, close/0, deferred/0]).

%% What edoc has of a type stands behind it.
-type app() :: fun((environ()) -> result()).
%% What answers a request.
-type environ() :: #{binary() => Value :: term()}.
%% The environ of SPEC.md, section 10. Its `gwport.input' is an input().
-type input() :: fun((Max :: pos_integer()) -> {ok, binary()} | eof).
%% Reads the request's body: at most so many bytes of it, at least one, as soon as some are there.
-type result() :: response() | deferred().
%% What an app returns.
-type response() :: {200..999 | {200..999, Reason :: binary()}, [{binary(), binary()}], body()}.
%% A status is from 200 to 999. Names and values of headers are binaries, in any case and order.
-type body() :: iodata() | {next(), State :: term()} | {next(), State :: term(), close()}.
%% The whole of it; or a fun that is asked for block after block, each when the client has taken
%% enough of those before it. The last one is called once, whatever becomes of the response.
-type next() :: fun((State :: term()) -> {continue, iodata(), State :: term()}
    | {stop, iodata()} | stop).
%% Gives the next block of a body.
-type close() :: fun(() -> Ignored :: term()).
%% Lets go of what a body holds.
-type deferred() :: fun(() -> response() | none | wait).
%% Called again, while it says `none', at growing distances from 10 ms to a second; while it says
%% `wait', when somebody has called the environ's `gwport.wake'.
-type middleware() :: fun((app()) -> app()).
%% What stands around an app, and is an app itself.

-callback app(environ()) -> result().

%% @doc A response of plain text in UTF-8.
-spec text(200..999, unicode:chardata()) -> response().
text(Status, Text) ->
    {Status, [{<<"content-type">>, <<"text/plain; charset=utf-8">>}],
        unicode:characters_to_binary(Text)}.

%% @doc Puts middleware around an app. The first that is named is the outermost: it sees the request
%% first, and the result last.
-spec chain(app(), [middleware()]) -> app().
chain(App, Middleware) ->
    lists:foldr(fun(Around, Inner) -> Around(Inner) end, App, Middleware).

%% @doc A pool's app as an app in Erlang, for middleware to stand around. Options are a mount's, but
%% for those that stand between a client and its request, which are the mount's own; a wrong one is
%% an error `gwport_options:error()'. The program sees the request as the environ says it is then.
%% Informational responses and trailers are not passed on.
-spec pool(gwport:mount_options()) -> app().
pool(Given) ->
    case gwport_mount_options:inner(Given) of
        {ok, Mount} -> gwport_run_pool:app(Mount);
        {error, Error} -> error(Error)
    end.

%% @doc What an app has returned with its response changed, be it there or still to come.
-spec then(result(), fun((response()) -> response())) -> result().
then(Deferred, Change) when is_function(Deferred, 0) ->
    fun() -> later(Deferred(), Change) end;
then(Response, Change) ->
    Change(Response).

later(none, _) -> none;
later(wait, _) -> wait;
later(Response, Change) -> Change(Response).

%% @doc A body each of whose blocks is changed. A `content-length' that was told of it is to be
%% taken from the headers, unless the blocks stay as long as they are.
-spec map_body(fun((iodata()) -> iodata()), body()) -> body().
map_body(Change, {Next, State}) -> {mapped(Change, Next), State};
map_body(Change, {Next, State, Close}) -> {mapped(Change, Next), State, Close};
map_body(Change, Body) -> Change(Body).

mapped(Change, Next) ->
    fun(State0) ->
        case Next(State0) of
            {continue, Block, State} -> {continue, Change(Block), State};
            {stop, Block} -> {stop, Change(Block)};
            stop -> stop
        end
    end.

%% @doc A body with something before its first block, and something behind its last one. What
%% map_body/2 says of `content-length' holds.
-spec frame_body(Before :: iodata(), body(), After :: iodata()) -> body().
frame_body(Before, {Next, State}, After) -> {framed(Next, After), {Before, State}};
frame_body(Before, {Next, State, Close}, After) -> {framed(Next, After), {Before, State}, Close};
frame_body(Before, Body, After) -> [Before, Body, After].

framed(Next, After) ->
    fun({Before, State0}) ->
        case Next(State0) of
            {continue, Block, State} -> {continue, [Before, Block], {[], State}};
            {stop, Block} -> {stop, [Before, Block, After]};
            stop -> {stop, [Before, After]}
        end
    end.

%% @doc Headers without those of a name, in whatever case.
-spec without(Name :: binary(), [{binary(), binary()}]) -> [{binary(), binary()}].
without(Name, Headers) ->
    Lower = gwport_field:lower(Name),
    [Header || Header = {Other, _} <- Headers, gwport_field:lower(Other) =/= Lower].

%% @doc The whole of the request's body, if it has no more than so many bytes. If it has, what was
%% read of it is lost.
-spec read_body(environ(), Max :: non_neg_integer()) -> {ok, binary()} | {error, too_large}.
read_body(#{<<"gwport.input">> := Input}, Max) ->
    read_body(Input, Max, []).

%% One byte more than there may be tells that there are too many.
read_body(Input, Left, Read) ->
    case Input(Left + 1) of
        {ok, Data} when byte_size(Data) > Left -> {error, too_large};
        {ok, Data} -> read_body(Input, Left - byte_size(Data), [Read, Data]);
        eof -> {ok, iolist_to_binary(Read)}
    end.

%% @doc The URL that a request was sent to, for redirects and links: `https://a.example/b%2Fc?q=1'.
%% Its host is HTTP_HOST, which the client has chosen, or else SERVER_NAME with SERVER_PORT; a
%% default port is left out. The path is as the client has written it, but for dots; a part of it
%% that middleware has changed is encoded anew, unless its raw form was changed too. `OPTIONS *' has
%% no path. Where nobody knows the host it is empty.
-spec url(environ()) -> binary().
url(Environ) ->
    gwport_environ:url(Environ).

%% What it takes to send a request to a port, and to another one: the request with its mount, the ports
%% that it has been turned to in vain, how long it has waited for one, and the port that has died with
%% it. An exchange has this until something has come of a response.
%%
%% A request goes to another port where its own has not taken it, so often at most; and once where its
%% own has died, if it may: if its app is known not to have been entered, or its method is idempotent
%% and its body whole (SPEC.md, section 6). One that was in two that died is not for a third: it may be
%% what they died of.
%% @hidden
-module(gwport_chance).

-export([new/2, app/1, choose/1, instead/2, encoded/3, pool/1, peer/1, but/2, is_spent/1]).
-export([ticket/1, until/3, waits/4, has_waited/2]).
-export([may_replay/1, died/2, told/2]).

-export_type([chance/0]).

-include_lib("kernel/include/logger.hrl").

%% How often a request goes to another port: one that ends whatever takes it is not to have all.
-define(MAX_MOVES, 20).
%% How many bytes of a path are logged.
-define(MAX_PATH, 1000).

-record(chance, {
    request :: gwport_environ:request(),
    mount :: gwport_mount_options:mount(),
    %% Ports that it has turned to in vain.
    tried = [] :: [gwport_handle:handle()],
    %% Its place among those who wait, which it keeps, since when it does, and until when it may
    %% wait in all.
    ticket = new :: new | gwport_queue:ticket(),
    since = none :: none | integer(),
    until = none :: none | integer(),
    %% What was heard of a port that died with it.
    died = none :: none | down()
}).
-opaque chance() :: #chance{}.
-type down() :: {port_down, Entered :: boolean(), Reason :: term()}.

-spec new(gwport_environ:request(), gwport_mount_options:mount()) -> chance().
new(Request, Mount) ->
    #chance{request = Request, mount = Mount}.

%% An app in Erlang with the request, where one is to have it and no port.
-spec app(chance()) -> {ok, gwport_mount_options:mount(), gwport_environ:request()} | none.
app(#chance{mount = Mount = #{run := _}, request = Request}) -> {ok, Mount, Request};
app(#chance{}) -> none.

%% The port with the fewest requests, of those that have not been turned to in vain; or where those
%% wait for whom there is none.
-spec choose(chance()) -> {ok, gwport_handle:handle()}
    | {wait, gwport_status:reason(), gwport_queue:queue()} | {error, gwport_status:reason()}.
choose(#chance{mount = #{pool := Pool}, tried = Tried}) ->
    case gwport_pool:choose(Pool, Tried) of
        {error, no_pool} -> no_pool(Pool);
        Chosen -> Chosen
    end.

no_pool(Pool) ->
    _ = [?LOG_ERROR("gwport: a request is for pool ~p, which does not run on this node (said once)",
        [Pool]) || gwport_seen:is_first({no_pool, Pool})],
    {error, no_pool}.

%% In development there may be a page in the program's place. It is an app in Erlang.
-spec instead(gwport_handle:handle(), chance()) -> none | {ok, chance()}.
instead(Port, Chance = #chance{request = Request, mount = Mount = #{pool := Pool}}) ->
    case gwport_handle:is_dev(Port) andalso gwport_dev_page:instead(Pool, Request) of
        {ok, Page} -> {ok, Chance#chance{mount = Mount#{run => Page, validate => false}}};
        _ -> none
    end.

%% The payload of its open, for a port. Left is what is left of its deadline, in milliseconds.
-spec encoded(gwport_handle:handle(), Left :: timeout() | integer(), chance()) ->
    {ok, gwport_handle:request()} | {error, gwport_status:reason()}.
encoded(Port, Left, #chance{request = Request, mount = Mount = #{app := App}}) ->
    case gwport_handle:has_app(App, Port) of
        true -> gwport_request:encode(left(Left, Request), gwport_handle:max_head(Port));
        false -> no_app(Mount, gwport_handle:apps(Port))
    end.

left(Left, Request = #{<<"timeout">> := _}) -> Request#{<<"timeout">> := max(1, Left)};
left(_, Request) -> Request.

no_app(#{pool := Pool, app := App}, Apps) ->
    _ = [?LOG_ERROR("gwport: a request is for ~ts of pool ~p, whose program has ~ts (said once)",
        [wanted(App), Pool, had(Apps)]) || gwport_seen:is_first({no_app, Pool, App})],
    {error, no_app}.

wanted(<<>>) -> "the app without a name (a mount's option app)";
wanted(App) -> io_lib:format("app ~0p", [App]).

had([]) -> "one app, without a name";
had(Apps) -> io_lib:format("~0p", [Apps]).

-spec pool(chance()) -> atom().
pool(#chance{mount = #{pool := Pool}}) ->
    Pool.

%% Whose share a request is of: nobody's where the address is not known, or is this machine's own,
%% from where proxies come.
-spec peer(chance()) -> binary() | none.
peer(#chance{request = #{<<"peer">> := {Address, _}}}) -> peer_of(Address).

peer_of(<<>>) -> none;
peer_of(<<"127.", _/binary>>) -> none;
peer_of(<<"::1">>) -> none;
peer_of(<<"::ffff:127.", _/binary>>) -> none;
peer_of(Address) -> Address.

-spec but(gwport_handle:handle(), chance()) -> chance().
but(Port, Chance = #chance{tried = Tried}) ->
    Chance#chance{tried = [Port | Tried]}.

%% Whether it has turned to so many ports that it is to turn to no other.
-spec is_spent(chance()) -> boolean().
is_spent(#chance{tried = Tried}) ->
    length(Tried) >= ?MAX_MOVES.

%% Waiting. Times are monotonic milliseconds.

-spec ticket(chance()) -> new | gwport_queue:ticket().
ticket(#chance{ticket = Ticket}) ->
    Ticket.

%% Until when it may wait in all.
-spec until(gwport_queue:queue(), Now :: integer(), chance()) -> integer().
until(Queue, Now, #chance{until = none}) -> Now + gwport_queue:timeout(Queue);
until(_, _, #chance{until = Until}) -> Until.

-spec waits(gwport_queue:place(), Until :: integer(), Now :: integer(), chance()) -> chance().
waits(Place, Until, Now, Chance = #chance{since = Since}) ->
    Chance#chance{ticket = gwport_queue:ticket(Place), until = Until,
        since = case Since of none -> Now; _ -> Since end}.

%% It has a place. How long it has waited, if it has.
-spec has_waited(Now :: integer(), chance()) -> {none | non_neg_integer(), chance()}.
has_waited(_, Chance = #chance{since = none}) -> {none, Chance};
has_waited(Now, Chance = #chance{since = Since}) -> {max(0, Now - Since), Chance#chance{since = none}}.

%% Replay

-spec may_replay(chance()) -> boolean().
may_replay(#chance{mount = #{replay := Replay}}) ->
    Replay.

%% A port has died with it. What of its body another port is to have, if one may: what was `sent`, which
%% must be at hand, or the `whole`.
-spec died(down(), chance()) -> {again, sent | whole, chance()} | no | twice.
died(Down, Chance = #chance{died = none}) ->
    case repeatable(Down, Chance) of
        no -> no;
        What -> {again, What, Chance#chance{died = Down, until = none}}
    end;
died(_, Chance) ->
    log_twice(Chance),
    twice.

%% [R6].
repeatable({port_down, false, _}, _) ->
    sent;
repeatable({port_down, true, _}, #chance{request = #{<<"method">> := Method}}) ->
    case gwport_request:is_idempotent(Method) of
        true -> whole;
        false -> no
    end.

%% A query may hold what is nobody's business. There may be as many as a port has streams.
log_twice(#chance{request = #{<<"method">> := Method, <<"path">> := Path}, mount = #{pool := Pool}}) ->
    _ = [?LOG_ERROR("gwport: two programs of pool ~ts have ended with the same request, and it "
        "goes to no other: ~ts ~ts", [Pool, Method, gwport_line:text(shown(Path))], #{pool => Pool})
        || gwport_log_budget:take()],
    ok.

shown(<<Path:?MAX_PATH/binary, _, _/binary>>) -> <<Path/binary, "...">>;
shown(Path) -> Path.

%% It turns to no other port. What the client is told of one that a port has died with is what has
%% become of it there, since its app may have been entered.
-spec told(Event, chance()) -> Event | down().
told(Event, #chance{died = none}) -> Event;
told(_, #chance{died = Down}) -> Down.

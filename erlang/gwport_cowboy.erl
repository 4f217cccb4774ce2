%% What gwport must know of Cowboy, beside the drivers themselves: a request as a term, response
%% headers as Cowboy wants them, and what a listener is set to.
-module(gwport_cowboy).

-export([request/3, spoken/2, expects_continue/1, response_headers/2, inform_headers/1, trailers/1]).
-export([listener/1, listener/3, warn_no_mounts/2, warn_version/0, gaps/1]).

-export_type([listener/0]).

-include_lib("kernel/include/logger.hrl").

%% Milliseconds; the bytes of a request that Cowboy takes before anybody reads; and how long its body
%% may be (if its length is unknown, a byte less) for the next request on the connection to be heard.
-type listener() :: #{
    idle_timeout := timeout(), inactivity_timeout := timeout(), flow := non_neg_integer(),
    heard := non_neg_integer() | infinity,
    %% Whether its connections are encrypted, and whether one of HTTP/1.1 may become one of HTTP/2.
    secure := boolean(), upgrades := boolean()
}.

%% A request in the version that its connection speaks. One of HTTP/1.1 that asks for h2c gets its
%% response over HTTP/2, and Cowboy does not say so in the request.
-spec spoken(cowboy_req:req(), listener()) -> cowboy_req:req().
spoken(Req = #{version := 'HTTP/1.1', headers := Headers = #{<<"upgrade">> := Upgrade,
        <<"connection">> := Connection, <<"http2-settings">> := _}}, #{upgrades := true}) ->
    Options = gwport_response:options(Connection),
    case [<<"upgrade">>, <<"http2-settings">>] -- Options =:= []
            andalso lists:member(<<"h2c">>, gwport_response:options(Upgrade)) of
        true -> Req#{version := 'HTTP/2', headers :=
            maps:without([<<"upgrade">>, <<"connection">>, <<"http2-settings">>], Headers)};
        false -> Req
    end;
spoken(Req, _) ->
    Req.

%% The Request of SPEC.md, section 6.
-spec request(cowboy_req:req(), gwport_options:mount(), listener()) -> gwport_environ:request().
request(Req, #{app := App, deadline := Deadline}, #{secure := Secure}) ->
    #{method := Method, path := Path, qs := Query, version := Version, scheme := Scheme,
        host := Host, port := Port, peer := Peer, sock := Local} = Req,
    Request = #{
        <<"method">> => Method,
        <<"path">> => Path,
        <<"query">> => Query,
        <<"version">> => version(Version),
        <<"scheme">> => Scheme,
        <<"host">> => Host,
        <<"port">> => Port,
        <<"peer">> => address(Peer),
        <<"local">> => address(Local),
        <<"headers">> => maps:to_list(with_host(Req)),
        <<"path_info">> => behind(cowboy_req:path_info(Req))
    },
    Optional = [{<<"app">>, App} || App =/= <<>>]
        ++ [{<<"timeout">>, Deadline} || Deadline =/= infinity]
        ++ [{<<"cert">>, Cert} || Cert <- [maps:get(cert, Req, undefined)], is_binary(Cert)]
        ++ [{<<"length">>, Length} || Length <- [body_length(Req)], is_integer(Length)]
        ++ [{<<"continue">>, true} || expects_continue(Req)]
        ++ [{<<"tls">>, true} || Secure],
    lists:foldl(fun({Key, Value}, Map) -> Map#{Key => Value} end, Request, Optional).

%% HTTP/2 names the host beside the headers. (The port of a scheme that Cowboy does not know is not
%% there: a request that will be refused.) A `host` that stands among them all the same is not the
%% one that this request was routed by.
with_host(Req = #{version := 'HTTP/2', headers := Headers}) ->
    #{scheme := Scheme, host := Host, port := Port} = Req,
    Headers#{<<"host">> => authority(Scheme, Host, Port)};
with_host(#{headers := Headers}) ->
    Headers.

authority(<<"http">>, Host, 80) -> Host;
authority(<<"https">>, Host, 443) -> Host;
authority(_, Host, undefined) -> Host;
authority(_, Host, Port) -> <<Host/binary, ":", (integer_to_binary(Port))/binary>>.

version('HTTP/1.0') -> {1, 0};
version('HTTP/1.1') -> {1, 1};
version('HTTP/2') -> {2, 0}.

address({Address, Port}) when is_tuple(Address) -> {list_to_binary(inet:ntoa(Address)), Port};
address({local, _}) -> {<<>>, 0};
address(_) -> {<<>>, 0}.

%% How many segments of the path `[...]` in the route matched. A route without it is all
%% SCRIPT_NAME.
behind(undefined) -> 0;
behind(Segments) -> length(Segments).

body_length(#{has_body := false}) -> 0;
body_length(#{body_length := Length}) -> Length.

%% Whether the client waits to be told to go on with its body.
-spec expects_continue(cowboy_req:req()) -> boolean().
expects_continue(#{version := 'HTTP/1.0'}) -> false;
expects_continue(#{has_body := false}) -> false;
expects_continue(#{headers := #{<<"expect">> := Expect}}) ->
    cowboy_bstr:to_lower(Expect) =:= <<"100-continue">>;
expects_continue(_) -> false.

%% Fields of a checked response as Cowboy's raw commands want them: a map, cookies as a list, date
%% and server added. A `date` that is there but empty means that none is wanted. What middlewares
%% before us have set on the request goes along.
-spec response_headers(gwport_response:fields(), cowboy_req:req()) -> map().
response_headers(Fields, Req) ->
    Headers0 = maps:get(resp_headers, Req, #{}),
    Headers1 = fields(Fields,
        Headers0#{<<"date">> => cowboy_clock:rfc1123(), <<"server">> => <<"Cowboy">>}),
    Headers2 = lists:foldl(fun empty/2, Headers1, [<<"date">>, <<"server">>]),
    cookies(maps:values(maps:get(resp_cookies, Req, #{})), Headers2).

%% Over those that are there.
fields(Fields, Headers) ->
    cookies([Value || {<<"set-cookie">>, Value} <- Fields],
        maps:merge(Headers, maps:from_list([Field || Field = {Name, _} <- Fields,
            Name =/= <<"set-cookie">>]))).

cookies([], Headers) -> Headers;
cookies(Cookies, Headers) ->
    Headers#{<<"set-cookie">> => maps:get(<<"set-cookie">>, Headers, []) ++ Cookies}.

empty(Name, Headers) ->
    case Headers of
        #{Name := <<>>} -> maps:remove(Name, Headers);
        #{} -> Headers
    end.

%% Those of an informational response, to which nothing is added.
-spec inform_headers(gwport_response:fields()) -> map().
inform_headers(Fields) ->
    fields(Fields, #{}).

-spec trailers(gwport_response:fields()) -> map().
trailers(Fields) ->
    maps:from_list([{Name, iolist_to_binary(Value)} || {Name, Value} <- Fields]).

%% How the listener of this request is set, as far as it touches us. The first request of a
%% listener and protocol also tells its owner what will not work; what was seen then is kept by name.
-spec listener(cowboy_req:req()) -> listener().
listener(Req = #{ref := Ref}) ->
    Key = key(Req),
    case gwport_seen:find(Key) of
        none ->
            Opts = try ranch:get_protocol_options(Ref) catch error:_ -> #{} end,
            Handlers = maps:get(stream_handlers, Opts, [cowboy_stream_h]),
            first(Key, Opts, lists:member(gwport_pipeline_h, Handlers));
        {ok, Listener} ->
            Listener
    end.

%% The same in a connection process, which has its own options at hand: the listener's may be others
%% by now. Guarded: whether gwport_pipeline_h is there.
-spec listener(cowboy_req:req(), cowboy:opts(), Guarded :: boolean()) -> listener().
listener(Req, Opts, Guarded) ->
    Key = key(Req),
    case gwport_seen:find(Key) of
        none -> first(Key, Opts, Guarded);
        {ok, Listener} -> set(Opts, Listener)
    end.

%% With what tells it apart from the listener that had the name before.
key(#{ref := Ref, version := Version}) ->
    Started = try ranch_server:get_listener_sup(Ref) catch error:badarg -> none end,
    {listener, Ref, Started, Version}.

first(Key = {listener, Ref, _, Version}, Opts, Guarded) ->
    Listener = #{idle_timeout := Idle} = set(Opts, #{secure => is_secure(Ref), heard => heard()}),
    _ = [warn(Version, Ref, Idle, Guarded) || gwport_seen:is_first(Key, Listener)],
    Listener.

set(Opts, Listener = #{heard := Heard}) ->
    Flow = maps:get(initial_stream_flow_size, Opts, 65535),
    Listener#{idle_timeout => maps:get(idle_timeout, Opts, 60000),
        inactivity_timeout => maps:get(inactivity_timeout, Opts, 300000),
        flow => Flow, heard => case Heard of infinity -> infinity; _ -> Flow end,
        upgrades => lists:member(http2, maps:get(protocols, Opts, [http2, http]))}.

%% When its flow control has stopped the socket while the body's end was in the mailbox, Cowboy
%% before 2.13 never reads it again. A body that it takes at once does not come to that.
heard() ->
    case version() >= {2, 13} of
        true -> infinity;
        false -> flow
    end.

%% What HTTP/2's `:scheme` says is the client's word.
is_secure(Ref) ->
    try ranch:info(Ref) of
        #{transport := Transport} -> Transport:secure()
    catch
        error:badarg -> false
    end.

%% Said when gwport starts: what this Cowboy lets through, and nobody behind it can see any more.
-spec warn_version() -> ok.
warn_version() ->
    Version = version(),
    _ = [?LOG_WARNING("gwport: this Cowboy (~b.~b) lets requests through that whoever stands before "
        "it may read in another way: ~ts. A proxy there must refuse or rewrite them; Cowboy 2.18 "
        "does not need that (SECURITY.md)",
        [element(1, Version), element(2, Version), lists:join("; ", Gaps)])
        || Gaps <- [gaps(Version)], Gaps =/= []],
    ok.

%% Of a version of Cowboy, as far as it cannot be seen in a request.
-spec gaps({Major :: non_neg_integer(), Minor :: non_neg_integer()}) -> [string()].
gaps(Version) ->
    [Gap || {Until, Gap} <- [
        {{2, 11}, "one with both content-length and transfer-encoding"},
        {{2, 17}, "the trailers of a chunked body, which it takes for the next request"}],
        Version < Until].

%% For a listener whose stream handler has nothing to mount.
-spec warn_no_mounts(missing | wrong, ranch:ref()) -> ok.
warn_no_mounts(Which, Ref) ->
    _ = [?LOG_WARNING("gwport: listener ~p has the stream handler gwport_stream_h and ~s, so nothing "
        "is mounted; set gwport => gwport_stream_h:mounts(Routes) in its protocol options",
        [Ref, no_mounts(Which)]) || gwport_seen:is_first({no_mounts, Ref})],
    ok.

no_mounts(missing) -> "no option gwport";
no_mounts(wrong) -> "an option gwport that gwport_stream_h:mounts/1 has not made".

warn('HTTP/2', Ref, Idle, _) ->
    _ = [warn_idle(Ref, Idle) || Idle =/= infinity],
    ok;
warn('HTTP/1.1', Ref, _, Guarded) ->
    _ = [warn_pipelining(Ref) || not Guarded, not is_serial()],
    ok;
warn('HTTP/1.0', _, _, _) ->
    ok.

warn_idle(Ref, Idle) ->
    ?LOG_WARNING("gwport: listener ~p ends HTTP/2 connections, and the streams on them, when the "
        "client has sent nothing for ~b ms; set idle_timeout => infinity in its protocol options "
        "for long responses", [Ref, Idle]).

warn_pipelining(Ref) ->
    ?LOG_WARNING("gwport: listener ~p runs this Cowboy's HTTP/1.1 pipelining, which queues later "
        "responses without limit; put gwport_pipeline_h among the stream_handlers in its protocol "
        "options, before gwport_stream_h and cowboy_stream_h", [Ref]).

%% From 2.18 on Cowboy starts the next pipelined request after the last has ended.
is_serial() ->
    version() >= {2, 18}.

version() ->
    {ok, Version} = application:get_key(cowboy, vsn),
    case [list_to_integer(Part) || Part <- string:lexemes(Version, "."),
            lists:all(fun(C) -> C >= $0 andalso C =< $9 end, Part)] of
        [Major, Minor | _] -> {Major, Minor};
        _ -> {0, 0}
    end.

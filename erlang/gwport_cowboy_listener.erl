%% What a listener of Cowboy's is set to, as far as it touches us, and what of it its owner is told
%% in the log, once: what will not work, and what this Cowboy lets through.
%% @hidden
-module(gwport_cowboy_listener).

-export([of_request/1, of_request/3, warn_no_mounts/2, warn_no_connect/2, warn_version/0, gaps/1]).

-export_type([listener/0]).

-include_lib("kernel/include/logger.hrl").

%% In the dictionary of a connection's process.
-define(KEPT, '$gwport_listener').

%% Milliseconds; the bytes of a request that Cowboy takes before anybody reads; and how long its
%% body may be (if its length is unknown, a byte less) for the next request on the connection to be
%% heard.
-type listener() :: #{
    idle_timeout := timeout(), inactivity_timeout := timeout(), flow := non_neg_integer(),
    heard := non_neg_integer() | infinity,
    %% Whether its connections are encrypted, and whether one of HTTP/1.1 may become one of HTTP/2.
    secure := boolean(), upgrades := boolean(),
    %% Whether its connections of HTTP/1.1 can be given files.
    files := boolean(),
    %% Whether the trailers of a response of HTTP/1.1 can be sent past Cowboy, and whether the
    %% connection can be kept then.
    trailers := no | close | keep
}.

%% How the listener of this request is set, as far as it touches us. The first request of a listener
%% and protocol also tells its owner what will not work; what was seen then is kept by name.
%%
%% A request process has no files, whatever else the listener mounts: it is told that its data were
%% taken before the connection process has sent them.
-spec of_request(cowboy_req:req()) -> listener().
of_request(Req) ->
    (of_listener(Req))#{files := false}.

of_listener(Req = #{ref := Ref}) ->
    Key = key(Req),
    case gwport_seen:find(Key) of
        none ->
            Opts = protocol_options(Ref),
            Handlers = maps:get(stream_handlers, Opts, [cowboy_stream_h]),
            first(Key, settings(Opts), lists:member(gwport_pipeline_h, Handlers));
        {ok, Listener} ->
            Listener
    end.

protocol_options(Ref) ->
    try ranch:get_protocol_options(Ref)
    catch error:_ -> #{}
    end.

%% The same in a connection process, which has its own options at hand: the listener's may be others
%% by now. It keeps what came of them, since they are asked for by each of its requests. Guarded:
%% whether gwport_pipeline_h is there.
-spec of_request(cowboy_req:req(), cowboy:opts(), Guarded :: boolean()) -> listener().
of_request(Req = #{ref := Ref, version := Version}, Opts, Guarded) ->
    Settings = settings(Opts),
    case get(?KEPT) of
        {Ref, Version, Settings, Guarded, Listener} ->
            Listener;
        _ ->
            Listener = guarded(Guarded, of_connection(key(Req), Settings, Guarded)),
            _ = put(?KEPT, {Ref, Version, Settings, Guarded, Listener}),
            Listener
    end.

of_connection(Key, Settings, Guarded) ->
    case gwport_seen:find(Key) of
        none -> first(Key, Settings, Guarded);
        {ok, Listener} -> set(Settings, Listener)
    end.

%% The options of the listener may be others than this connection's.
guarded(true, Listener) -> Listener;
guarded(false, Listener) -> Listener#{trailers := no}.

%% With what tells it apart from the listener that had the name before.
key(#{ref := Ref, version := Version}) ->
    Started = try ranch_server:get_listener_sup(Ref) catch error:badarg -> none end,
    {listener, Ref, Started, Version}.

first(Key = {listener, Ref, _, Version}, Settings, Guarded) ->
    Listener = #{idle_timeout := Idle} = set(Settings,
        #{secure => is_secure(Ref), heard => heard(),
            files => is_plain(Ref) andalso takes_files(protocol_options(Ref)),
            trailers => trailers(protocol_options(Ref))}),
    _ = [warn(Version, Ref, Idle, Guarded) || gwport_seen:is_first(Key, Listener)],
    Listener.

%% No more of the options than touches us: others may be secret, and are not for a dictionary that a
%% crash report has.
settings(Opts) ->
    {maps:get(idle_timeout, Opts, 60000), maps:get(inactivity_timeout, Opts, 300000),
        maps:get(initial_stream_flow_size, Opts, 65535),
        maps:get(protocols, Opts, [http2, http])}.

set({Idle, Inactivity, Flow, Protocols}, Listener = #{heard := Heard}) ->
    Listener#{idle_timeout => Idle, inactivity_timeout => Inactivity, flow => Flow,
        heard => case Heard of infinity -> infinity; _ -> Flow end,
        upgrades => lists:member(http2, Protocols)}.

%% Whoever stands before our stream handler must leave such data as they are; not all of Cowboy's
%% own do. (What stands there is not in the options that a connection process gives us.)
takes_files(Opts = #{stream_handlers := Handlers}) ->
    Before = lists:takewhile(fun(Handler) -> Handler =/= gwport_stream_h end, Handlers),
    Before =/= Handlers andalso maps:get(sendfile, Opts, true) =:= true
        andalso Before -- [gwport_pipeline_h, cowboy_metrics_h] =:= []
        andalso (is_serial() orelse lists:member(gwport_pipeline_h, Before));
takes_files(_) ->
    false.

%% Whoever stands before gwport_pipeline_h does not see them go by; one that changes bodies has to.
trailers(Opts = #{stream_handlers := Handlers}) ->
    {Before, Behind} = lists:splitwith(fun(H) -> H =/= gwport_pipeline_h end, Handlers),
    case Behind =/= [] andalso Before -- [cowboy_metrics_h, cowboy_tracer_h] =:= []
            andalso maps:get(chunked, Opts, true) of
        true -> case is_serial() of true -> keep; false -> close end;
        false -> no
    end;
trailers(_) ->
    no.

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

%% Whether its sockets are TCP's of the driver that sends files.
is_plain(Ref) ->
    try ranch:info(Ref) of
        #{transport := ranch_tcp, transport_options := #{socket_opts := Options}} ->
            application:get_env(kernel, inet_backend, inet) =:= inet
                andalso not lists:keymember(inet_backend, 1, Options);
        _ ->
            false
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

%% For a listener on which an app takes connections over, and cannot have any of HTTP/2.
-spec warn_no_connect(ranch:ref(), cowboy:opts()) -> ok.
warn_no_connect(Ref, Opts) ->
    Has = maps:get(enable_connect_protocol, Opts, false)
        orelse not lists:member(http2, maps:get(protocols, Opts, [http2, http])),
    _ = [?LOG_NOTICE("gwport: an app takes connections of listener ~p over, as for WebSocket, and "
        "clients on HTTP/2 are not offered that; set enable_connect_protocol => true in its "
        "protocol options if they are to be", [Ref])
        || not Has, gwport_seen:is_first({no_connect, Ref})],
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

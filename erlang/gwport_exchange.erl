%% Where a request meets its port: what every driver of a stream does at the start, and with the
%% commands of gwport_stream that are the port's. The drivers are gwport_handler, gwport_stream_h and
%% gwport_client.
-module(gwport_exchange).

-export([open/3, tell/3]).

-include_lib("kernel/include/logger.hrl").

%% Opens a stream for the calling process at a port of the mount's pool. Events come as
%% {Tag, {gwport, Event}}; see gwport_port:open/3.
-spec open(gwport_environ:request(), gwport_options:mount(), Tag :: ref | term()) ->
    {ok, gwport_port:handle(), reference(), gwport_stream:stream()}
  | {error, gwport_status:reason()}.
open(Request, Mount, Tag) ->
    case gwport_request:check(Request) of
        ok -> checked(Request, Mount, Tag);
        {error, _} -> {error, bad_request}
    end.

checked(#{<<"length">> := Length}, #{max_body := MaxBody}, _) when Length > MaxBody ->
    {error, too_large_body};
checked(Request, Mount = #{pool := Pool}, Tag) ->
    case gwport_pool:choose(Pool) of
        {ok, Handle} ->
            open_at(Handle, Request, Mount, Tag);
        Error = {error, no_pool} ->
            _ = [?LOG_ERROR("gwport: a request is for pool ~p, which does not run on this node (said once)",
                [Pool]) || gwport_seen:is_first({no_pool, Pool})],
            Error;
        Error ->
            Error
    end.

open_at(Handle, Request, Mount = #{pool := Pool, app := App}, Tag) ->
    case gwport_port:has_app(App, Handle) of
        true ->
            Encoded = gwport_request:encode(Request, gwport_port:max_head(Handle)),
            encoded(Encoded, Handle, Request, Mount, Tag);
        false ->
            _ = [?LOG_ERROR("gwport: a request is for ~ts of pool ~p, whose program has ~ts (said once)",
                [wanted(App), Pool, had(gwport_port:apps(Handle))])
                || gwport_seen:is_first({no_app, Pool, App})],
            {error, no_app}
    end.

wanted(<<>>) -> "the app without a name (a mount's option app)";
wanted(App) -> io_lib:format("app ~0p", [App]).

had([]) -> "one app, without a name";
had(Apps) -> io_lib:format("~0p", [Apps]).

encoded({ok, Encoded}, Handle, Request, Mount, Tag) ->
    case gwport_port:open(Handle, Encoded, Tag) of
        {ok, Ref} -> {ok, Handle, Ref, stream(Encoded, Request, Mount)};
        Error -> Error
    end;
encoded(Error, _, _, _, _) ->
    Error.

stream(#{body := Body}, Request = #{<<"method">> := Method}, Mount) ->
    Limits = maps:with([max_body, head_timeout, idle_timeout, deadline], Mount),
    gwport_stream:new(Limits#{method => Method, body => Body,
        length => maps:get(<<"length">>, Request, undefined)}, erlang:monotonic_time(millisecond)).

%% Does what a stream asks of its port.
-spec tell(gwport_stream:port_command(), gwport_port:handle(), reference()) -> ok.
tell({send, Kind, Data}, Handle, Ref) -> gwport_port:send(Handle, Ref, Kind, Data);
tell({consumed, Bytes}, Handle, Ref) -> gwport_port:consumed(Handle, Ref, Bytes);
tell({abort, Code, Text}, Handle, Ref) -> gwport_port:abort(Handle, Ref, {Code, Text}).

%% Where a request meets its port: what every driver of a stream does at the start, and with the
%% commands of gwport_stream that are the port's. gwport_handler and gwport_client are the drivers.
-module(gwport_exchange).

-export([open/2, tell/3]).

-include_lib("kernel/include/logger.hrl").

%% Opens a stream for the calling process at a port of the mount's pool. Events come as
%% {gwport, Ref, Event}; see gwport_port:open/2.
-spec open(gwport_environ:request(), gwport_options:mount()) ->
    {ok, gwport_port:handle(), reference(), gwport_stream:stream()}
  | {error, gwport_status:reason()}.
open(#{<<"length">> := Length}, #{max_body := MaxBody}) when Length > MaxBody ->
    {error, too_large_body};
open(Request, Mount = #{pool := Pool}) ->
    case gwport_pool:choose(Pool) of
        {ok, Handle} -> open_at(Handle, Request, Mount);
        Error -> Error
    end.

open_at(Handle, Request, Mount = #{pool := Pool, app := App}) ->
    case gwport_port:has_app(App, Handle) of
        true ->
            Encoded = gwport_request:encode(Request, gwport_port:max_head(Handle)),
            opened(Encoded, Handle, Request, Mount);
        false ->
            ?LOG_ERROR("gwport: the program of pool ~s has no app ~0p", [Pool, App]),
            {error, no_app}
    end.

opened({ok, Encoded = #{body := Body}}, Handle, Request = #{<<"method">> := Method}, Mount) ->
    {ok, Ref} = gwport_port:open(Handle, Encoded),
    Limits = maps:with([max_body, head_timeout, idle_timeout, deadline], Mount),
    Stream = gwport_stream:new(Limits#{method => Method, body => Body,
        length => maps:get(<<"length">>, Request, undefined)}, erlang:monotonic_time(millisecond)),
    {ok, Handle, Ref, Stream};
opened(Error, _, _, _) ->
    Error.

%% Does what a stream asks of its port.
-spec tell(gwport_stream:port_command(), gwport_port:handle(), reference()) -> ok.
tell({send, Kind, Data}, Handle, Ref) -> gwport_port:send(Handle, Ref, Kind, Data);
tell({consumed, Bytes}, Handle, Ref) -> gwport_port:consumed(Handle, Ref, Bytes);
tell({abort, Code, Text}, Handle, Ref) -> gwport_port:abort(Handle, Ref, {Code, Text}).

%% @doc Answers a GET or HEAD with 304 where the client has what it asks for, by the response's ETag
%% and Last-Modified, and with 412 where it wants another state than that (RFC 9110, section
%% 13.2.2).
%%
%% It looks at If-Match or else If-Unmodified-Since, then at If-None-Match or else
%% If-Modified-Since. The app runs in any case: what is saved is the body's way. Of other methods
%% the app alone can tell, before it acts.
%%
%% ```
%% gwport_gateway:chain(App, [gwport_mw_conditional:around(#{etags => true})])
%% '''
-module(gwport_mw_conditional).

-export([around/1]).

-export_type([options/0]).

-type options() :: #{
    etags => boolean()}.
%% See around/1.

%% @doc The middleware. Options, as a map, a keyword list or a property list:
%%
%% <ul>
%% <li>`etags' (false): whether responses of status 200 to GET that are whole, and have no ETag, get
%%     one that is made of their body</li>
%% </ul>
-spec around(options() | proplists:proplist()) -> gwport_gateway:middleware().
around(Given) ->
    Options = gwport_mw_options:check(Given, #{etags => false}, fun(etags, Etags) ->
        gwport_mw_options:boolean(Etags)
    end),
    fun(App) ->
        fun (Environ = #{<<"REQUEST_METHOD">> := Method})
                when Method =:= <<"GET">>; Method =:= <<"HEAD">> ->
                gwport_mw_response:then(App(Environ), fun(Response) ->
                    answer(tagged(Method, Response, Options), Environ)
                end);
            (Environ) ->
                App(Environ)
        end
    end.

tagged(<<"GET">>, Response = {Status, Headers, Body}, #{etags := true}) when not is_tuple(Body) ->
    case {gwport_mw_response:code(Status), gwport_mw_response:first(<<"etag">>, Headers)} of
        {200, <<>>} -> {Status, Headers ++ [{<<"etag">>, made(Body)}], Body};
        _ -> Response
    end;
tagged(_, Response, _) ->
    Response.

made(Body) ->
    <<Half:16/binary, _/binary>> = crypto:hash(sha256, Body),
    <<$", (<< <<(url_safe(C))>> || <<C>> <= base64:encode(Half), C =/= $= >>)/binary, $">>.

url_safe($+) -> $-;
url_safe($/) -> $_;
url_safe(C) -> C.

answer(Response = {Status, Headers, Body}, Environ) ->
    Code = gwport_mw_response:code(Status),
    Tag = gwport_mw_response:first(<<"etag">>, Headers),
    Modified = time(gwport_mw_response:first(<<"last-modified">>, Headers)),
    case Code =< 299 andalso first_of([is_unwanted(Tag, Modified, Environ) andalso 412,
            is_known(Tag, Modified, Environ) andalso 304]) of
        false ->
            Response;
        Instead ->
            gwport_mw_response:drop(Body),
            {Instead, without_body(Tag, Headers), <<>>}
    end.

first_of([false | Rest]) -> first_of(Rest);
first_of([Status | _]) -> Status;
first_of([]) -> false.

is_unwanted(Tag, _, #{<<"HTTP_IF_MATCH">> := List = <<_, _/binary>>}) ->
    not is_among(Tag, tags(List), fun is_strongly/2);
is_unwanted(_, Modified, #{<<"HTTP_IF_UNMODIFIED_SINCE">> := Since}) ->
    are_times(Modified, time(Since)) andalso Modified > time(Since);
is_unwanted(_, _, _) ->
    false.

is_known(Tag, _, #{<<"HTTP_IF_NONE_MATCH">> := List = <<_, _/binary>>}) ->
    is_among(Tag, tags(List), fun is_weakly/2);
is_known(_, Modified, #{<<"HTTP_IF_MODIFIED_SINCE">> := Since}) ->
    are_times(time(Since), Modified) andalso Modified =< time(Since);
is_known(_, _, _) ->
    false.

%% What they say of the body goes; the rest is as of 200. With a tag a client does not choose by the
%% time.
without_body(Tag, Headers) ->
    gwport_mw_response:without([<<"content-type">>, <<"content-length">>, <<"content-encoding">>,
        <<"content-language">>, <<"content-range">>, <<"content-md5">>, <<"content-digest">>,
        <<"repr-digest">>, <<"digest">>, <<"trailer">>
        | [<<"last-modified">> || Tag =/= <<>>]], Headers).

%% Tags (RFC 9110, section 8.8.3)

%% Those of a list, as they stand there, as far as it is one; or a star.
tags(<<C, Rest/binary>>) when C =:= $\s; C =:= $\t; C =:= $, -> tags(Rest);
tags(<<"*">>) -> [<<"*">>];
tags(<<"W/\"", Rest/binary>>) -> tags(<<"W/">>, binary:split(Rest, <<"\"">>));
tags(<<"\"", Rest/binary>>) -> tags(<<>>, binary:split(Rest, <<"\"">>));
tags(_) -> [].

tags(Weak, [Tag, Rest]) -> [<<Weak/binary, $", Tag/binary, $">> | tags(Rest)];
tags(_, _) -> [].

%% The star is any response there is.
is_among(Tag, List, Is) ->
    IsTag = Tag =/= <<"*">> andalso tags(Tag) =:= [Tag],
    lists:any(fun(Other) -> Other =:= <<"*">> orelse (IsTag andalso Is(Tag, Other)) end, List).

is_strongly(<<"\"", _/binary>> = Tag, Other) -> Tag =:= Other;
is_strongly(_, _) -> false.

is_weakly(Tag, Other) -> strong(Tag) =:= strong(Other).

strong(<<"W/", Tag/binary>>) -> Tag;
strong(Tag) -> Tag.

%% Times (RFC 9110, section 5.6.7)

are_times(One, Other) -> is_tuple(One) andalso is_tuple(Other).

%% In any of HTTP's three forms, as a datetime().
time(<<Day:3/binary, ", ", D:2/binary, " ", Month:3/binary, " ", Y:4/binary, " ", Clock:8/binary,
        " GMT">>) ->
    time(is_day(Day), Y, Month, D, Clock);
time(<<Day:3/binary, " ", Month:3/binary, " ", D:2/binary, " ", Clock:8/binary, " ",
        Y:4/binary>>) ->
    time(is_day(Day), Y, Month, without_space(D), Clock);
time(Text) ->
    case binary:split(Text, <<", ">>) of
        [<<Day:3/binary, _/binary>>, <<D:2/binary, "-", Month:3/binary, "-", Y:2/binary, " ",
                Clock:8/binary, " GMT">>] ->
            time(is_day(Day), century(Y), Month, D, Clock);
        _ ->
            none
    end.

time(true, Y, Month, D, <<H:2/binary, ":", M:2/binary, ":", S:2/binary>>) ->
    time([number(Digits) || Digits <- [Y, D, H, M, S]], month(Month));
time(_, _, _, _, _) ->
    none.

time([Y, D, H, M, S], Month) when is_integer(Y), is_integer(H), H < 24, is_integer(M), M < 60,
        is_integer(S), S < 60, is_integer(D), is_integer(Month) ->
    case calendar:valid_date(Y, Month, D) of
        true -> {{Y, Month, D}, {H, M, S}};
        false -> none
    end;
time(_, _) ->
    none.

is_day(Day) ->
    lists:member(Day, [<<"Mon">>, <<"Tue">>, <<"Wed">>, <<"Thu">>, <<"Fri">>, <<"Sat">>,
        <<"Sun">>]).

month(Month) ->
    case binary:match(<<"JanFebMarAprMayJunJulAugSepOctNovDec">>, Month) of
        {At, 3} when At rem 3 =:= 0 -> At div 3 + 1;
        _ -> none
    end.

%% Two digits are of the years from 1969 on, as Go has it.
century(Y) when Y >= <<"69">> -> <<"19", Y/binary>>;
century(Y) -> <<"20", Y/binary>>.

without_space(<<" ", D>>) -> <<"0", D>>;
without_space(D) -> D.

number(Digits) ->
    case << <<C>> || <<C>> <= Digits, C >= $0, C =< $9 >> of
        Digits -> binary_to_integer(Digits);
        _ -> none
    end.
